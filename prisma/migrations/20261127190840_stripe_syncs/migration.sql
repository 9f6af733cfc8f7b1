-- CreateTable
CREATE TABLE "stripe_syncs" (
    "account_id" TEXT NOT NULL,
    "livemode" BOOLEAN NOT NULL,
    "stripe_account_id" TEXT,
    "synced_from" TIMESTAMPTZ(0) NOT NULL,
    "synced_until" TIMESTAMPTZ(0) NOT NULL,
    "unsettled_payouts" TEXT[],
    "unswept_payouts" TEXT[],
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "stripe_syncs_pkey" PRIMARY KEY ("account_id","livemode")
);
