-- Imports of files without the source of a payout stored the payout as swept into itself.
UPDATE "balance_transactions"
SET "payout_id" = coalesce("payout_id", "automatic_payout_id"), "automatic_payout_id" = NULL
WHERE "reporting_category" = 'payout' AND "automatic_payout_id" IS NOT NULL;
