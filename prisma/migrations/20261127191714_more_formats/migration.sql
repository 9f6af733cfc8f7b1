-- AlterEnum
ALTER TYPE "ReportFormat" ADD VALUE 'JSONL';
ALTER TYPE "ReportFormat" ADD VALUE 'PARQUET';

-- AlterTable
ALTER TABLE "report_runs" ADD COLUMN     "is_partial" BOOLEAN NOT NULL DEFAULT false;

-- AlterTable
-- Each run had one file until now, so its rows are the run's.
ALTER TABLE "report_files" ADD COLUMN     "row_count" BIGINT;
UPDATE "report_files" SET "row_count" = coalesce(
  (SELECT "row_count" FROM "report_runs" WHERE "report_runs"."id" = "report_files"."run_id"), 0);
ALTER TABLE "report_files" ALTER COLUMN "row_count" SET NOT NULL;
