import type pg from 'pg'
import type { Tenant } from '../tenant.ts'
import { ContradictionError } from './transaction-facts.ts'

const secondRows = `
  select payout_id as payout, min(id collate "C") as known, max(id collate "C") as id from balance_transactions
  where account_id = $1 and livemode = $2::boolean and payout_id = any($3::text[]) and reporting_category = 'payout'
  group by payout_id having count(*) > 1
  order by id limit 1`

// Without statistics of a new account, a join of both tables reads all rows of the account for each payout: 20 s for 100,000
// rows in 700 payouts, which are 0.1 s when the rows are grouped first.
const foreignRows = `
  with swept as materialized (
    select automatic_payout_id as payout, currency, min(id collate "C") as id from balance_transactions
    where account_id = $1 and livemode = $2::boolean and automatic_payout_id = any($3::text[])
    group by 1, 2
  )
  select swept.id, swept.currency, po.id as payout, po.currency as known
  from swept join payouts po on po.account_id = $1 and po.livemode = $2::boolean and po.id = swept.payout
  where swept.currency <> po.currency
  order by 1 limit 1`

/**
 * Checks what holds for each payout, whatever files its rows come from: it has one balance transaction of its own, and
 * includes only transactions in its currency.
 *
 * @throws ContradictionError for the first balance transaction for which this is not true
 */
export async function checkPayouts(
  client: pg.ClientBase,
  { accountId, livemode }: Tenant,
  payoutIds: ReadonlySet<string>,
): Promise<void> {
  if (payoutIds.size === 0) return
  const values = [accountId, livemode, [...payoutIds]]
  type Second = { payout: string; known: string; id: string }
  for (const { id, payout, known } of (await client.query<Second>(secondRows, values)).rows) {
    throw new ContradictionError(id, `pays out ${payout}, but ${known} already pays it out`)
  }
  type Foreign = { id: string; currency: string; payout: string; known: string }
  for (const { id, currency, payout, known } of (await client.query<Foreign>(foreignRows, values)).rows) {
    throw new ContradictionError(id, `is in ${currency}, but its payout ${payout} is in ${known}`)
  }
}
