-- AlterTable
ALTER TABLE "balance_transactions" ADD COLUMN     "is_category_given" BOOLEAN;
