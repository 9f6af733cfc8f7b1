import type { Database } from './database.ts'

export type Ledger = {
  rows: number
  start: Date
  /** Exclusive. The rows are spread evenly from the start to here. */
  end: Date
}

/** Triggers keep the changes of a statement until its end. */
const rowsPerStatement = 1_000_000

// Ids contain the account and the start, so that ledgers can be filled in several steps.
const insertRows = `
  insert into balance_transactions (account_id, livemode, id, type, reporting_category, currency, amount, fee, net,
    created, available_on, effective_at, description)
  select $1, false, 'txn_' || md5($3 || n::text), 'charge', (array['charge', 'refund', 'fee'])[n % 3 + 1], 'usd',
    gross, gross * 29 / 1000, gross - gross * 29 / 1000, at, date_trunc('day', at, 'UTC') + interval '2 days', at,
    case when n % 3 > 0 then 'Order ' || n || ' of customer ' || n % 5000 end
  from (
    select n, 100 + n::bigint * 7919 % 100000 as gross,
      date_trunc('second', $3::text::timestamptz + n * ($4::text::timestamptz - $3::text::timestamptz) / $2::float8) as at
    from generate_series($5::integer, $6::integer - 1) as n
  ) as made`

/** Adds rows to the ledger of an account, and marks their time as covered. */
export async function fillLedger(
  database: Database,
  accountId: string,
  { rows, start, end }: Ledger,
): Promise<void> {
  const [from, until] = [start.toISOString(), end.toISOString()]
  for (let first = 0; first < rows; first += rowsPerStatement)
    await database.query(insertRows, [
      accountId,
      rows,
      from,
      until,
      first,
      Math.min(rows, first + rowsPerStatement),
    ])
  await coverLedger(database, accountId, { start, end })
  await database.query('vacuum (analyze, freeze) balance_transactions')
}

/** Marks a time as covered by the ledger of an account. */
export async function coverLedger(
  database: Database,
  accountId: string,
  { start, end }: Pick<Ledger, 'start' | 'end'>,
): Promise<void> {
  await database.query(
    `insert into ledger_coverage (account_id, livemode, available_from, available_until, updated_at)
    values ($1, false, $2, $3, now())
    on conflict (account_id, livemode) do update
      set available_from = least(ledger_coverage.available_from, excluded.available_from),
        available_until = greatest(ledger_coverage.available_until, excluded.available_until)`,
    [accountId, start.toISOString(), end.toISOString()],
  )
}
