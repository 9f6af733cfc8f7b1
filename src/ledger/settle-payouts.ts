import type pg from 'pg'
import type { LedgerOwner } from './rows.ts'

// Looked up for each payout, not joined: in the transaction that has loaded them, the planner takes both tables for small.
const leftAt = `
  (select po.effective_at from payouts po
   where (po.account_id, po.livemode, po.id) = (bt.account_id, bt.livemode, bt.payout_id))`

/**
 * Moves payouts to the time at which they left the balance, where their row had to assume one: exports tell it now of the
 * payout itself, now only of what was swept into it.
 */
export const settlePayouts = async (client: pg.ClientBase, owner: LedgerOwner): Promise<void> => {
  await client.query(
    `update balance_transactions bt
     set effective_at = ${leftAt}
     where bt.account_id = $1 and bt.livemode = $2::boolean
       and bt.reporting_category = 'payout'
       and bt.effective_at <> ${leftAt}`,
    [owner.accountId, owner.livemode],
  )
}
