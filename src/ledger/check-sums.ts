import type pg from 'pg'
import { inTransaction } from '../postgres/client.ts'
import type { Tenant } from '../tenant.ts'
import { lockLedger } from './coverage.ts'

/** The sums of some balance transactions in minor units, as text, because JavaScript rounds large numbers. */
export type LedgerSums = { count: string; amount: string; fee: string; net: string; delayedNet: string }

/** Kept sums that are not those of the ledger's rows. */
export type WrongSums = Tenant & {
  /** What the rows have in common: the day, month or payout, or the time at which they become available. */
  part: 'day' | 'month' | 'payout' | 'available on'
  /** A day, a month or a time in UTC, or the id of a payout and the day of its row. */
  name: string
  currency: string
  /** With `, swept` for rows that an automatic payout swept, and for its own row. Null for rows of all categories. */
  category: string | null
  expected: LedgerSums
  found: LedgerSums
}

const isSwept = `(automatic_payout_id is not null or reporting_category = 'payout' and exists (
  select from balance_transactions swept
  where (swept.account_id, swept.livemode, swept.automatic_payout_id) = (bt.account_id, bt.livemode, bt.payout_id)))`

const sums = `count(*) as count, sum(amount) as amount, sum(fee) as fee, sum(net) as net,
  coalesce(sum(net) filter (where available_on > effective_at), 0) as delayed_net`

const day = `(effective_at at time zone 'UTC')::date`

// Independent of the statement that keeps the sums: each table is compared with the rows by themselves.
const wrongSums = `
  with row_sums as (
    select account_id, livemode, ${day} as day, currency, reporting_category, ${isSwept} as is_swept, ${sums}
    from balance_transactions bt
    group by 1, 2, 3, 4, 5, 6
  ),
  expected as (
    select account_id, livemode, 'day' as part, day::text as name, currency, reporting_category as category, is_swept,
      count, amount, fee, net, delayed_net
    from row_sums
    union all
    select account_id, livemode, 'month', to_char(day, 'YYYY-MM'), currency, reporting_category,
      is_swept, sum(count), sum(amount), sum(fee), sum(net), sum(delayed_net)
    from row_sums group by 1, 2, 4, 5, 6, 7
    union all
    select account_id, livemode, 'available on', available_on::text, currency, null, false, count(*), 0, 0, sum(net), 0
    from balance_transactions where available_on > effective_at
    group by 1, 2, 4, 5
    union all
    select account_id, livemode, 'payout', payout_id || ' on ' || ${day}, currency, null, true, ${sums}
    from balance_transactions bt
    where reporting_category = 'payout' and automatic_payout_id is null and ${isSwept}
    group by 1, 2, 4, 5
  ),
  found as (
    select account_id, livemode, lower(period::text) as part,
      case period when 'DAY' then starts_on::text else to_char(starts_on, 'YYYY-MM') end as name, currency,
      reporting_category as category, is_swept, count, amount, fee, net, delayed_net
    from balance_sums
    union all
    select account_id, livemode, 'available on', available_on::text, currency, null, false, count, 0, 0, net, 0
    from delayed_sums
    union all
    select account_id, livemode, 'payout', id || ' on ' || day, currency, null, true, count, amount, fee, net, delayed_net
    from swept_payouts
  ),
  compared as (
    select account_id, livemode, part, name, currency, category, is_swept,
      ${['count', 'amount', 'fee', 'net', 'delayed_net']
        .map(
          (column) =>
            `coalesce(sum(${column}) filter (where sign = 1), 0) as expected_${column},
             coalesce(sum(${column}) filter (where sign = -1), 0) as found_${column}`,
        )
        .join(', ')}
    from (select 1 as sign, * from expected union all select -1, * from found) as both_sides
    group by 1, 2, 3, 4, 5, 6, 7
  )
  select account_id as "accountId", livemode, part, name, currency,
    category || case when is_swept then ', swept' else '' end as category, ${sumsAsJson('expected')} as expected, ${sumsAsJson('found')} as found
  from compared
  where (expected_count, expected_amount, expected_fee, expected_net, expected_delayed_net)
    <> (found_count, found_amount, found_fee, found_net, found_delayed_net)
  order by 1, 2, 3, 4, 5, 6`

function sumsAsJson(side: string): string {
  return `jsonb_build_object('count', ${side}_count::text, 'amount', ${side}_amount::text, 'fee', ${side}_fee::text,
    'net', ${side}_net::text, 'delayedNet', ${side}_delayed_net::text)`
}

/** Wrong sums that are in memory at once. */
const pageSize = 1_000

/**
 * Compares the kept sums of all ledgers with their rows, in one snapshot.
 *
 * @param onWrong called with each sums that are wrong, in the order of account and mode
 * @returns the ledgers that have wrong sums
 */
export async function checkSums(
  client: pg.ClientBase,
  onWrong: (wrong: WrongSums) => void,
): Promise<Tenant[]> {
  const tenants: Tenant[] = []
  await inTransaction(client, async () => {
    await client.query('set transaction isolation level repeatable read read only')
    await client.query(`declare wrong_sums no scroll cursor for ${wrongSums}`)
    while (true) {
      const { rows } = await client.query<WrongSums>(`fetch ${pageSize} from wrong_sums`)
      if (rows.length === 0) return
      for (const wrong of rows) {
        const { accountId, livemode } = wrong
        const last = tenants.at(-1)
        if (last?.accountId !== accountId || last.livemode !== livemode) tenants.push({ accountId, livemode })
        onWrong(wrong)
      }
    }
  })
  return tenants
}

/** Replaces the kept sums of a ledger by the sums of its rows, in one transaction. Imports of this ledger wait. */
export async function repairSums(client: pg.ClientBase, tenant: Tenant): Promise<void> {
  const owner = [tenant.accountId, tenant.livemode]
  await inTransaction(client, async () => {
    await lockLedger(client, tenant)
    for (const table of ['balance_sums', 'delayed_sums', 'swept_payouts']) {
      await client.query(`delete from ${table} where account_id = $1 and livemode = $2::boolean`, owner)
    }
    const { rows } = await client.query<{ statement: string }>(
      `select balance_sum_statement(format(
         'select 1 as sign, * from balance_transactions where account_id = %L and livemode = %L', $1::text, $2::boolean
       )) as statement`,
      owner,
    )
    for (const { statement } of rows) await client.query(statement)
  })
}
