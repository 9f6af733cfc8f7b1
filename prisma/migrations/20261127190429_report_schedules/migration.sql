-- CreateEnum
CREATE TYPE "RelativeInterval" AS ENUM ('YESTERDAY', 'LAST_7_DAYS', 'PREVIOUS_MONTH', 'PREVIOUS_PERIOD');

-- AlterEnum
ALTER TYPE "ReportRunOrigin" ADD VALUE 'SCHEDULE';

-- AlterTable
ALTER TABLE "report_runs" ADD COLUMN     "schedule_id" TEXT;

-- CreateTable
CREATE TABLE "report_schedules" (
    "id" TEXT NOT NULL,
    "account_id" TEXT NOT NULL,
    "livemode" BOOLEAN NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "report_type" TEXT NOT NULL,
    "parameters" JSONB NOT NULL,
    "relative_interval" "RelativeInterval",
    "formats" "ReportFormat"[],
    "compression" "Compression" NOT NULL,
    "retention_milliseconds" BIGINT NOT NULL,
    "label" TEXT,
    "tags" TEXT[],
    "cron_expression" TEXT,
    "cron_timezone" TEXT,
    "data_period" TEXT,
    "is_active" BOOLEAN NOT NULL,
    "next_run_at" TIMESTAMPTZ(3),
    "covered_until" TIMESTAMPTZ(3),
    "last_error" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "requested_by_id" TEXT NOT NULL,

    CONSTRAINT "report_schedules_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "report_schedules_account_id_livemode_id_idx" ON "report_schedules"("account_id", "livemode", "id" DESC);

-- CreateIndex
CREATE INDEX "report_runs_schedule_id_id_idx" ON "report_runs"("schedule_id", "id" DESC);

-- AddForeignKey
ALTER TABLE "report_runs" ADD CONSTRAINT "report_runs_schedule_id_fkey" FOREIGN KEY ("schedule_id") REFERENCES "report_schedules"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "report_schedules" ADD CONSTRAINT "report_schedules_requested_by_id_fkey" FOREIGN KEY ("requested_by_id") REFERENCES "api_keys"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
