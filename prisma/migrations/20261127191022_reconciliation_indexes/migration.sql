-- CreateIndex
CREATE INDEX "balance_transactions_automatic_payout_idx" ON "balance_transactions"("account_id", "livemode", "automatic_payout_id", "effective_at");

-- CreateIndex
CREATE INDEX "payouts_account_id_livemode_effective_at_idx" ON "payouts"("account_id", "livemode", "effective_at");
