-- AlterTable
ALTER TABLE "report_runs" ADD COLUMN     "data_needed_until" TIMESTAMPTZ(0),
ADD COLUMN     "queued_at" TIMESTAMPTZ(3),
ADD COLUMN     "request_hash" BYTEA,
ADD COLUMN     "wait_for_data" BOOLEAN NOT NULL DEFAULT false;

-- CreateIndex
CREATE INDEX "report_runs_account_id_livemode_request_hash_finished_at_idx" ON "report_runs"("account_id", "livemode", "request_hash", "finished_at" DESC);

-- CreateIndex
CREATE INDEX "report_runs_data_needed_until_idx" ON "report_runs"("data_needed_until");
