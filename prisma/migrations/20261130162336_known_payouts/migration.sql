-- AlterTable
ALTER TABLE "ledger_coverage" ADD COLUMN     "payouts_known" BOOLEAN NOT NULL DEFAULT true;

-- AlterTable
ALTER TABLE "ledger_side_coverage" ADD COLUMN     "payouts_known_in" tstzmultirange NOT NULL DEFAULT '{}'::tstzmultirange;

-- A ledger without payouts has no swept rows. A ledger that has payouts and no swept row comes from files that do not name
-- the payouts, or has only manual payouts. Until a file with that column is imported, nothing shows which of both.
UPDATE "ledger_coverage" c SET "payouts_known" = false
WHERE EXISTS (
  SELECT FROM "balance_transactions" b
  WHERE b."account_id" = c."account_id" AND b."livemode" = c."livemode" AND b."reporting_category" = 'payout'
) AND NOT EXISTS (
  SELECT FROM "balance_transactions" b
  WHERE b."account_id" = c."account_id" AND b."livemode" = c."livemode" AND b."automatic_payout_id" IS NOT NULL
) AND NOT EXISTS (
  SELECT FROM "stripe_syncs" s WHERE s."account_id" = c."account_id" AND s."livemode" = c."livemode"
);

-- A side without coverage of the whole ledger is not used by reports: its next file sets the spans.
UPDATE "ledger_side_coverage" s
SET "payouts_known_in" = tstzmultirange(tstzrange(s."available_from", s."available_until"))
FROM "ledger_coverage" c
WHERE s."side" = 'ACTIVITY' AND c."account_id" = s."account_id" AND c."livemode" = s."livemode" AND c."payouts_known";
