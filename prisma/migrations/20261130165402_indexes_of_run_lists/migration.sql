-- CreateIndex
CREATE INDEX "report_runs_visible_idx" ON "report_runs"("account_id", "livemode", "id") WHERE ("erased_at" IS NULL);

-- CreateIndex
CREATE INDEX "report_runs_by_end_idx" ON "report_runs"("account_id", "livemode", "finished_at", "id") WHERE ("erased_at" IS NULL);

-- CreateIndex
CREATE INDEX "report_runs_by_size_idx" ON "report_runs"("account_id", "livemode", "byte_size", "id") WHERE ("erased_at" IS NULL);

-- CreateIndex
CREATE INDEX "report_runs_by_duration_idx" ON "report_runs"("account_id", "livemode", "run_milliseconds", "id") WHERE ("erased_at" IS NULL);

-- CreateIndex
CREATE INDEX "report_runs_by_actor_idx" ON "report_runs"("account_id", "livemode", "requested_by_id", "id") WHERE ("erased_at" IS NULL);

-- CreateIndex
CREATE INDEX "report_runs_by_origin_idx" ON "report_runs"("account_id", "livemode", "origin", "id") WHERE ("erased_at" IS NULL);

-- CreateIndex
CREATE INDEX "report_runs_by_rows_idx" ON "report_runs"("account_id", "livemode", "row_count", "id") WHERE ("erased_at" IS NULL);

-- CreateIndex
CREATE INDEX "report_runs_by_tag_idx" ON "report_runs" USING GIN ("tags") WHERE ("erased_at" IS NULL);

-- CreateIndex
CREATE INDEX "report_runs_retry_of_id_id_idx" ON "report_runs"("retry_of_id", "id");

-- DropIndex
DROP INDEX "report_runs_account_id_livemode_id_idx";

-- DropIndex
DROP INDEX "report_runs_retry_of_id_idx";
