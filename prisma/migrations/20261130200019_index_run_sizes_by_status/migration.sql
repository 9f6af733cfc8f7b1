-- CreateIndex
CREATE INDEX "report_runs_by_status_and_size_idx" ON "report_runs"("account_id", "livemode", "status", "byte_size", "id") WHERE ("erased_at" IS NULL);

-- DropIndex
DROP INDEX "report_runs_by_size_idx";
