-- AlterTable
ALTER TABLE "balance_transactions" ADD COLUMN     "destination_payment_id" TEXT,
ALTER COLUMN "type" DROP NOT NULL,
ALTER COLUMN "available_on" DROP NOT NULL;

-- AlterTable
ALTER TABLE "payouts" ALTER COLUMN "created" DROP NOT NULL,
ALTER COLUMN "arrival_date" DROP NOT NULL,
ALTER COLUMN "is_automatic" DROP NOT NULL,
ALTER COLUMN "status" DROP NOT NULL,
ALTER COLUMN "type" DROP NOT NULL;

-- AlterTable
ALTER TABLE "charges" ADD COLUMN     "order_id" TEXT,
ALTER COLUMN "created" DROP NOT NULL;

-- CreateTable
CREATE TABLE "fee_details" (
    "account_id" TEXT NOT NULL,
    "livemode" BOOLEAN NOT NULL,
    "balance_transaction_id" TEXT NOT NULL,
    "position" INTEGER NOT NULL,
    "type" TEXT NOT NULL,
    "amount" BIGINT NOT NULL,
    "currency" TEXT NOT NULL,
    "description" TEXT,
    "application" TEXT,

    CONSTRAINT "fee_details_pkey" PRIMARY KEY ("account_id","livemode","balance_transaction_id","position")
);
