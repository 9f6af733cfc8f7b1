-- AlterTable
ALTER TABLE "report_runs" ADD COLUMN     "byte_order_mark" BOOLEAN NOT NULL DEFAULT false;

-- AlterTable
ALTER TABLE "report_schedules" ADD COLUMN     "byte_order_mark" BOOLEAN NOT NULL DEFAULT false;
