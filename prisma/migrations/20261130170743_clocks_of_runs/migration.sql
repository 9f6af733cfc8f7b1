-- CreateTable
CREATE TABLE "run_clocks" (
    "account_id" TEXT NOT NULL,
    "livemode" BOOLEAN NOT NULL,
    "last_created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "run_clocks_pkey" PRIMARY KEY ("account_id","livemode")
);

-- Later runs have later ids than all that exist.
INSERT INTO "run_clocks" ("account_id", "livemode", "last_created_at")
SELECT "account_id", "livemode", max("created_at") FROM "report_runs" GROUP BY 1, 2;
