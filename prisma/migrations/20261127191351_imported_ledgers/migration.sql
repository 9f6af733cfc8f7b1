-- CreateEnum
CREATE TYPE "LedgerSide" AS ENUM ('ACTIVITY', 'PAYOUTS');

-- AlterTable
ALTER TABLE "payouts" ALTER COLUMN "amount" DROP NOT NULL,
ALTER COLUMN "effective_at" DROP NOT NULL;

-- CreateTable
CREATE TABLE "ledger_side_coverage" (
    "account_id" TEXT NOT NULL,
    "livemode" BOOLEAN NOT NULL,
    "side" "LedgerSide" NOT NULL,
    "available_from" TIMESTAMPTZ(0) NOT NULL,
    "available_until" TIMESTAMPTZ(0) NOT NULL,

    CONSTRAINT "ledger_side_coverage_pkey" PRIMARY KEY ("account_id","livemode","side")
);
