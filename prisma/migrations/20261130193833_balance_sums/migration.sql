-- CreateEnum
CREATE TYPE "BalancePeriod" AS ENUM ('DAY', 'MONTH');

-- CreateTable
CREATE TABLE "balance_sums" (
    "account_id" TEXT NOT NULL,
    "livemode" BOOLEAN NOT NULL,
    "period" "BalancePeriod" NOT NULL,
    "starts_on" DATE NOT NULL,
    "currency" TEXT NOT NULL,
    "reporting_category" TEXT NOT NULL,
    "is_swept" BOOLEAN NOT NULL,
    "count" BIGINT NOT NULL,
    "amount" DECIMAL(38,0) NOT NULL,
    "fee" DECIMAL(38,0) NOT NULL,
    "net" DECIMAL(38,0) NOT NULL,
    "delayed_net" DECIMAL(38,0) NOT NULL,

    CONSTRAINT "balance_sums_pkey" PRIMARY KEY ("account_id","livemode","period","starts_on","currency","reporting_category","is_swept")
);

-- CreateTable
CREATE TABLE "delayed_sums" (
    "account_id" TEXT NOT NULL,
    "livemode" BOOLEAN NOT NULL,
    "available_on" TIMESTAMPTZ(0) NOT NULL,
    "currency" TEXT NOT NULL,
    "count" BIGINT NOT NULL,
    "net" DECIMAL(38,0) NOT NULL,

    CONSTRAINT "delayed_sums_pkey" PRIMARY KEY ("account_id","livemode","available_on","currency")
);

-- CreateTable
CREATE TABLE "swept_payouts" (
    "account_id" TEXT NOT NULL,
    "livemode" BOOLEAN NOT NULL,
    "id" TEXT NOT NULL,
    "day" DATE NOT NULL,
    "currency" TEXT NOT NULL,
    "count" BIGINT NOT NULL,
    "amount" DECIMAL(38,0) NOT NULL,
    "fee" DECIMAL(38,0) NOT NULL,
    "net" DECIMAL(38,0) NOT NULL,
    "delayed_net" DECIMAL(38,0) NOT NULL,

    CONSTRAINT "swept_payouts_pkey" PRIMARY KEY ("account_id","livemode","id","day","currency")
);

-- CreateIndex
CREATE INDEX "balance_transactions_payout_idx" ON "balance_transactions"("account_id", "livemode", "payout_id") WHERE (payout_id IS NOT NULL);

-- Returns the statement that adds changed balance transactions to the sums. `changes` is a query with the columns of
-- balance_transactions and a sign: 1 for a row that is added, -1 for one that is removed. A row that is updated is both, and
-- what did not change cancels out.
CREATE FUNCTION "balance_sum_statement"("changes" text) RETURNS text LANGUAGE sql IMMUTABLE AS $text$
SELECT format($statement$
WITH change AS (
  SELECT sign, account_id, livemode, currency, reporting_category, effective_at, available_on, amount, fee, net, payout_id,
    automatic_payout_id
  FROM (%s) AS transactions
),
delayed AS (
  INSERT INTO delayed_sums AS known (account_id, livemode, available_on, currency, count, net)
  SELECT account_id, livemode, available_on, currency, sum(sign), sum(sign * net)
  FROM change
  WHERE available_on > effective_at
  GROUP BY 1, 2, 3, 4
  HAVING (sum(sign), sum(sign * net)) <> (0, 0)
  ORDER BY 1, 2, 3, 4
  ON CONFLICT (account_id, livemode, available_on, currency) DO UPDATE
  SET (count, net) = ROW (known.count + excluded.count, known.net + excluded.net)
),
-- The payouts whose own row may have become swept, or is no longer.
payout AS (
  SELECT account_id, livemode, automatic_payout_id AS id FROM change WHERE automatic_payout_id IS NOT NULL
  UNION
  SELECT account_id, livemode, payout_id FROM change WHERE reporting_category = 'payout' AND payout_id IS NOT NULL
),
-- Subqueries that Postgres cannot turn into joins, because a join can read the whole ledger.
own AS (
  SELECT payout.*, part.*
  FROM payout CROSS JOIN LATERAL (
    SELECT (effective_at AT TIME ZONE 'UTC')::date AS day, currency, count(*) AS count, sum(amount) AS amount,
      sum(fee) AS fee, sum(net) AS net,
      coalesce(sum(net) FILTER (WHERE available_on > effective_at), 0) AS delayed_net
    FROM balance_transactions bt
    WHERE (bt.account_id, bt.livemode, bt.payout_id) = (payout.account_id, payout.livemode, payout.id)
      AND reporting_category = 'payout' AND automatic_payout_id IS NULL
    GROUP BY 1, 2
  ) AS part
  WHERE (
    SELECT true FROM balance_transactions bt
    WHERE (bt.account_id, bt.livemode, bt.automatic_payout_id) = (payout.account_id, payout.livemode, payout.id)
    LIMIT 1
  )
),
known_own AS (SELECT known.* FROM swept_payouts known JOIN payout USING (account_id, livemode, id)),
no_longer_own AS (
  DELETE FROM swept_payouts known USING payout
  WHERE (known.account_id, known.livemode, known.id) = (payout.account_id, payout.livemode, payout.id) AND NOT EXISTS (
    SELECT FROM own
    WHERE (own.account_id, own.livemode, own.id, own.day, own.currency)
      = (known.account_id, known.livemode, known.id, known.day, known.currency)
  )
),
now_own AS (
  INSERT INTO swept_payouts AS known SELECT * FROM own ORDER BY 1, 2, 3, 4, 5
  ON CONFLICT (account_id, livemode, id, day, currency) DO UPDATE
  SET (count, amount, fee, net, delayed_net)
    = ROW (excluded.count, excluded.amount, excluded.fee, excluded.net, excluded.delayed_net)
  WHERE (known.*) IS DISTINCT FROM (excluded.*)
),
day AS (
  SELECT account_id, livemode, (effective_at AT TIME ZONE 'UTC')::date AS day, currency, reporting_category,
    automatic_payout_id IS NOT NULL AS is_swept, sum(sign) AS count, sum(sign * amount) AS amount, sum(sign * fee) AS fee,
    sum(sign * net) AS net, coalesce(sum(sign * net) FILTER (WHERE available_on > effective_at), 0) AS delayed_net
  FROM change
  GROUP BY 1, 2, 3, 4, 5, 6
  UNION ALL
  SELECT account_id, livemode, day, currency, 'payout', move.is_swept, move.sign * count, move.sign * amount,
    move.sign * fee, move.sign * net, move.sign * delayed_net
  FROM (SELECT 1 AS sign, * FROM own UNION ALL SELECT -1, * FROM known_own) AS own
  CROSS JOIN LATERAL (VALUES (true, own.sign), (false, -own.sign)) AS move (is_swept, sign)
)
INSERT INTO balance_sums AS known (account_id, livemode, period, starts_on, currency, reporting_category, is_swept, count,
  amount, fee, net, delayed_net)
SELECT account_id, livemode, part.period, part.starts_on, currency, reporting_category, is_swept, sum(count), sum(amount),
  sum(fee), sum(net), sum(delayed_net)
FROM day CROSS JOIN LATERAL (
  VALUES ('DAY'::"BalancePeriod", day), ('MONTH', date_trunc('month', day::timestamp)::date)
) AS part (period, starts_on)
GROUP BY 1, 2, 3, 4, 5, 6, 7
HAVING (sum(count), sum(amount), sum(fee), sum(net), sum(delayed_net)) <> (0, 0, 0, 0, 0)
ORDER BY 1, 2, 3, 4, 5, 6, 7
ON CONFLICT (account_id, livemode, period, starts_on, currency, reporting_category, is_swept) DO UPDATE
SET (count, amount, fee, net, delayed_net) = ROW (known.count + excluded.count, known.amount + excluded.amount,
  known.fee + excluded.fee, known.net + excluded.net, known.delayed_net + excluded.delayed_net)
$statement$, changes)
$text$;

-- With the rights of its owner, so that a login that may change balance transactions needs none for the sums.
CREATE FUNCTION "count_balance_transactions"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = report_gateway, pg_temp AS $body$
DECLARE
  -- The transition tables exist only for their operation, so the statement is not static.
  changes text := CASE TG_OP
    WHEN 'INSERT' THEN 'SELECT 1 AS sign, * FROM added'
    WHEN 'DELETE' THEN 'SELECT -1 AS sign, * FROM removed'
    WHEN 'UPDATE' THEN 'SELECT 1 AS sign, * FROM added UNION ALL SELECT -1, * FROM removed'
  END;
BEGIN
  -- Its snapshot would lack rows that another transaction has added before this one gets the lock.
  IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
    RAISE 'Balance transactions cannot be changed in a % transaction, because their sums would be wrong.',
      current_setting('transaction_isolation')
      USING ERRCODE = 'feature_not_supported', HINT = 'Begin the transaction with: begin isolation level read committed';
  END IF;
  IF TG_OP = 'TRUNCATE' THEN
    DELETE FROM balance_sums;
    DELETE FROM delayed_sums;
    DELETE FROM swept_payouts;
  ELSE
    -- The lock of imports. With it, a statement sees the rows of a payout that another transaction has added.
    EXECUTE 'SELECT pg_advisory_xact_lock(hashtextextended(''ledger '' || account_id || CASE WHEN livemode THEN '':live'' ELSE '':test'' END, 0)) FROM ('
      || 'SELECT account_id, livemode FROM (' || changes || ') AS changed GROUP BY 1, 2 ORDER BY 1, 2) AS owner';
    EXECUTE balance_sum_statement(changes);
  END IF;
  RETURN NULL;
END
$body$;

-- Otherwise another login could use the first function as the trigger of a table of its own, and so change sums. The second one
-- only returns text, and a login that is not the owner repairs sums with it.
REVOKE EXECUTE ON FUNCTION "count_balance_transactions"() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION "balance_sum_statement"(text) TO PUBLIC;

-- Once for each statement, however many rows it changes. From here on, no other transaction can change rows until the
-- migration is committed.
CREATE TRIGGER "count_inserted" AFTER INSERT ON "balance_transactions"
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "count_balance_transactions"();
CREATE TRIGGER "count_updated" AFTER UPDATE ON "balance_transactions"
REFERENCING NEW TABLE AS added OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION "count_balance_transactions"();
CREATE TRIGGER "count_deleted" AFTER DELETE ON "balance_transactions"
REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION "count_balance_transactions"();
CREATE TRIGGER "count_truncated" AFTER TRUNCATE ON "balance_transactions"
FOR EACH STATEMENT EXECUTE FUNCTION "count_balance_transactions"();

-- Compiling takes longer than it saves.
SET LOCAL jit = off;
DO $$ BEGIN EXECUTE "balance_sum_statement"('SELECT 1 AS sign, * FROM balance_transactions'); END $$;
