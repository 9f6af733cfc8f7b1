import type pg from 'pg'
import type { Tenant } from '../tenant.ts'

// Looked up for each payout, not joined: in the transaction that has loaded them, the planner takes both tables for small.
const timesOfPayout = `
  (select coalesce(po.effective_at, bt.effective_at), coalesce(po.created, bt.created)
   from payouts po
   where (po.account_id, po.livemode, po.id) = (bt.account_id, bt.livemode, bt.payout_id))`

/**
 * Gives payouts the times at which they were made and left the balance, where their row had to assume one: exports tell
 * them now of the payout itself, now only of what was swept into it.
 */
export async function settlePayouts(client: pg.ClientBase, tenant: Tenant): Promise<void> {
  await client.query(
    `update balance_transactions bt
     set (effective_at, created) = ${timesOfPayout}
     where bt.account_id = $1 and bt.livemode = $2::boolean
       and bt.reporting_category = 'payout'
       and (bt.effective_at, bt.created) <> ${timesOfPayout}`,
    [tenant.accountId, tenant.livemode],
  )
}
