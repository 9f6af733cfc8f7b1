-- CreateEnum
CREATE TYPE "ReportRunOrigin" AS ENUM ('API', 'RETRY');

-- AlterEnum
-- This migration adds more than one value to an enum.
-- With PostgreSQL versions 11 and earlier, this is not possible
-- in a single migration. This can be worked around by creating
-- multiple migrations, each migration adding only one value to
-- the enum.


ALTER TYPE "ReportRunEventKind" ADD VALUE 'UPDATED';
ALTER TYPE "ReportRunEventKind" ADD VALUE 'ERASED';

-- AlterTable
ALTER TABLE "report_runs" ADD COLUMN     "attempt" INTEGER NOT NULL DEFAULT 1,
ADD COLUMN     "deadline_at" TIMESTAMPTZ(3),
ADD COLUMN     "erased_at" TIMESTAMPTZ(3),
ADD COLUMN     "expires_at" TIMESTAMPTZ(3),
ADD COLUMN     "files_erased_at" TIMESTAMPTZ(3),
ADD COLUMN     "is_handed_back" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "lost_executions" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "origin" "ReportRunOrigin" NOT NULL DEFAULT 'API',
ADD COLUMN     "retention_milliseconds" BIGINT NOT NULL DEFAULT 2592000000,
ADD COLUMN     "retry_of_id" TEXT,
ADD COLUMN     "timeout_milliseconds" BIGINT;

-- CreateTable
CREATE TABLE "idempotency_keys" (
    "account_id" TEXT NOT NULL,
    "livemode" BOOLEAN NOT NULL,
    "key" TEXT NOT NULL,
    "fingerprint" BYTEA NOT NULL,
    "run_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY ("account_id","livemode","key")
);

-- CreateTable
CREATE TABLE "daily_run_counts" (
    "account_id" TEXT NOT NULL,
    "livemode" BOOLEAN NOT NULL,
    "day" DATE NOT NULL,
    "runs" INTEGER NOT NULL,

    CONSTRAINT "daily_run_counts_pkey" PRIMARY KEY ("account_id","livemode","day")
);

-- CreateIndex
CREATE INDEX "idempotency_keys_created_at_idx" ON "idempotency_keys"("created_at");

-- CreateIndex
CREATE INDEX "idempotency_keys_run_id_idx" ON "idempotency_keys"("run_id");

-- CreateIndex
CREATE INDEX "report_runs_retry_of_id_idx" ON "report_runs"("retry_of_id");

-- CreateIndex
CREATE INDEX "report_runs_deadline_at_idx" ON "report_runs"("deadline_at");

-- CreateIndex
CREATE INDEX "report_runs_files_erased_at_expires_at_idx" ON "report_runs"("files_erased_at", "expires_at");

-- AddForeignKey
ALTER TABLE "report_runs" ADD CONSTRAINT "report_runs_retry_of_id_fkey" FOREIGN KEY ("retry_of_id") REFERENCES "report_runs"("id") ON DELETE SET NULL ON UPDATE CASCADE;
