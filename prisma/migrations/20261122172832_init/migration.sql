-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "report_gateway";

-- CreateEnum
CREATE TYPE "ReportRunStatus" AS ENUM ('PENDING', 'RUNNING', 'CANCELING', 'SUCCEEDED', 'FAILED', 'CANCELED');

-- CreateEnum
CREATE TYPE "ReportFormat" AS ENUM ('CSV');

-- CreateEnum
CREATE TYPE "Compression" AS ENUM ('NONE', 'GZIP', 'ZSTD');

-- CreateEnum
CREATE TYPE "ReportRunEventKind" AS ENUM ('STATUS_CHANGED', 'PROGRESSED');

-- CreateTable
CREATE TABLE "accounts" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "accounts_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "api_keys" (
    "id" TEXT NOT NULL,
    "account_id" TEXT NOT NULL,
    "livemode" BOOLEAN NOT NULL,
    "name" TEXT NOT NULL,
    "last_four" TEXT NOT NULL,
    "secret_hash" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_keys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "report_runs" (
    "id" TEXT NOT NULL,
    "account_id" TEXT NOT NULL,
    "livemode" BOOLEAN NOT NULL,
    "report_type" TEXT NOT NULL,
    "parameters" JSONB NOT NULL,
    "formats" "ReportFormat"[],
    "compression" "Compression" NOT NULL,
    "label" TEXT,
    "tags" TEXT[],
    "metadata" JSONB NOT NULL,
    "status" "ReportRunStatus" NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "requested_by_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),
    "execution" INTEGER NOT NULL DEFAULT 0,
    "stage" TEXT,
    "rows_written" BIGINT,
    "rows_expected" BIGINT,
    "percent" DOUBLE PRECISION,
    "measured_at" TIMESTAMPTZ(3),
    "estimated_finish_at" TIMESTAMPTZ(3),
    "row_count" BIGINT,
    "byte_size" BIGINT,
    "run_milliseconds" BIGINT,
    "data_as_of" TIMESTAMPTZ(3),
    "failure_code" TEXT,
    "failure_message" TEXT,
    "failure_is_retryable" BOOLEAN,
    "failure_path" TEXT[],
    "trace_id" TEXT,
    "cancel_requested_at" TIMESTAMPTZ(3),
    "cancel_requested_by_id" TEXT,
    "cancel_reason" TEXT,

    CONSTRAINT "report_runs_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "report_files" (
    "id" TEXT NOT NULL,
    "account_id" TEXT NOT NULL,
    "livemode" BOOLEAN NOT NULL,
    "run_id" TEXT NOT NULL,
    "filename" TEXT NOT NULL,
    "format" "ReportFormat" NOT NULL,
    "compression" "Compression" NOT NULL,
    "byte_size" BIGINT NOT NULL,
    "sha256" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "report_files_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "event_log_heads" (
    "account_id" TEXT NOT NULL,
    "livemode" BOOLEAN NOT NULL,
    "position" BIGINT NOT NULL,

    CONSTRAINT "event_log_heads_pkey" PRIMARY KEY ("account_id","livemode")
);

-- CreateTable
CREATE TABLE "report_run_events" (
    "account_id" TEXT NOT NULL,
    "livemode" BOOLEAN NOT NULL,
    "position" BIGINT NOT NULL,
    "run_id" TEXT NOT NULL,
    "run_version" INTEGER NOT NULL,
    "kind" "ReportRunEventKind" NOT NULL,
    "from_status" "ReportRunStatus",
    "to_status" "ReportRunStatus" NOT NULL,
    "actor_id" TEXT,
    "occurred_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "report_run_events_pkey" PRIMARY KEY ("account_id","livemode","position")
);

-- CreateTable
CREATE TABLE "link_signing_keys" (
    "id" TEXT NOT NULL,
    "secret" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "link_signing_keys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "ledger_coverage" (
    "account_id" TEXT NOT NULL,
    "livemode" BOOLEAN NOT NULL,
    "available_from" TIMESTAMPTZ(0) NOT NULL,
    "available_until" TIMESTAMPTZ(0) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "ledger_coverage_pkey" PRIMARY KEY ("account_id","livemode")
);

-- CreateTable
CREATE TABLE "balance_transactions" (
    "account_id" TEXT NOT NULL,
    "livemode" BOOLEAN NOT NULL,
    "id" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "reporting_category" TEXT NOT NULL,
    "currency" TEXT NOT NULL,
    "amount" BIGINT NOT NULL,
    "fee" BIGINT NOT NULL,
    "net" BIGINT NOT NULL,
    "created" TIMESTAMPTZ(0) NOT NULL,
    "available_on" TIMESTAMPTZ(0) NOT NULL,
    "effective_at" TIMESTAMPTZ(0) NOT NULL,
    "description" TEXT,
    "source_id" TEXT,
    "charge_id" TEXT,
    "payout_id" TEXT,
    "automatic_payout_id" TEXT,
    "customer_facing_amount" BIGINT,
    "customer_facing_currency" TEXT,
    "regulatory_tag" TEXT,
    "dispute_reason" TEXT,
    "refund_metadata" JSONB,
    "transfer_metadata" JSONB,
    "connected_account_id" TEXT,
    "connected_account_name" TEXT,
    "connected_account_country" TEXT,
    "connected_account_direct_charge_id" TEXT,

    CONSTRAINT "balance_transactions_pkey" PRIMARY KEY ("account_id","livemode","id")
);

-- CreateTable
CREATE TABLE "payouts" (
    "account_id" TEXT NOT NULL,
    "livemode" BOOLEAN NOT NULL,
    "id" TEXT NOT NULL,
    "amount" BIGINT NOT NULL,
    "currency" TEXT NOT NULL,
    "created" TIMESTAMPTZ(0) NOT NULL,
    "arrival_date" TIMESTAMPTZ(0) NOT NULL,
    "effective_at" TIMESTAMPTZ(0) NOT NULL,
    "is_automatic" BOOLEAN NOT NULL,
    "status" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "description" TEXT,
    "destination_id" TEXT,
    "reversed_at" TIMESTAMPTZ(0),
    "trace_id" TEXT,
    "trace_id_status" TEXT,
    "statement_descriptor" TEXT,

    CONSTRAINT "payouts_pkey" PRIMARY KEY ("account_id","livemode","id")
);

-- CreateTable
CREATE TABLE "charges" (
    "account_id" TEXT NOT NULL,
    "livemode" BOOLEAN NOT NULL,
    "id" TEXT NOT NULL,
    "created" TIMESTAMPTZ(0) NOT NULL,
    "payment_intent_id" TEXT,
    "customer_id" TEXT,
    "invoice_id" TEXT,
    "invoice_number" TEXT,
    "subscription_id" TEXT,
    "payment_method_type" TEXT,
    "is_link" BOOLEAN,
    "card_brand" TEXT,
    "card_funding" TEXT,
    "card_country" TEXT,
    "statement_descriptor" TEXT,
    "shipping_address" JSONB,
    "card_address" JSONB,
    "metadata" JSONB,

    CONSTRAINT "charges_pkey" PRIMARY KEY ("account_id","livemode","id")
);

-- CreateTable
CREATE TABLE "customers" (
    "account_id" TEXT NOT NULL,
    "livemode" BOOLEAN NOT NULL,
    "id" TEXT NOT NULL,
    "email" TEXT,
    "name" TEXT,
    "description" TEXT,
    "address" JSONB,
    "shipping_address" JSONB,

    CONSTRAINT "customers_pkey" PRIMARY KEY ("account_id","livemode","id")
);

-- CreateIndex
CREATE INDEX "api_keys_account_id_livemode_idx" ON "api_keys"("account_id", "livemode");

-- CreateIndex
CREATE INDEX "report_runs_account_id_livemode_id_idx" ON "report_runs"("account_id", "livemode", "id" DESC);

-- CreateIndex
CREATE INDEX "report_runs_account_id_livemode_status_id_idx" ON "report_runs"("account_id", "livemode", "status", "id" DESC);

-- CreateIndex
CREATE INDEX "report_runs_account_id_livemode_report_type_id_idx" ON "report_runs"("account_id", "livemode", "report_type", "id" DESC);

-- CreateIndex
CREATE INDEX "report_files_run_id_idx" ON "report_files"("run_id");

-- CreateIndex
CREATE INDEX "report_run_events_run_id_position_idx" ON "report_run_events"("run_id", "position");

-- CreateIndex
CREATE INDEX "balance_transactions_account_id_livemode_effective_at_idx" ON "balance_transactions"("account_id", "livemode", "effective_at");

-- AddForeignKey
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "accounts"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "report_runs" ADD CONSTRAINT "report_runs_requested_by_id_fkey" FOREIGN KEY ("requested_by_id") REFERENCES "api_keys"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "report_runs" ADD CONSTRAINT "report_runs_cancel_requested_by_id_fkey" FOREIGN KEY ("cancel_requested_by_id") REFERENCES "api_keys"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "report_files" ADD CONSTRAINT "report_files_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "report_runs"("id") ON DELETE CASCADE ON UPDATE CASCADE;
