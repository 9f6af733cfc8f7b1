import type pg from 'pg'
import type { LedgerOwner } from './rows.ts'

/**
 * Moves payouts to the time at which they left the balance, where their row had to assume one: exports tell it now of the
 * payout itself, now only of what was swept into it.
 */
export const settlePayouts = async (client: pg.ClientBase, owner: LedgerOwner): Promise<void> => {
  await client.query(
    `update balance_transactions bt
     set effective_at = po.effective_at
     from payouts po
     where (po.account_id, po.livemode, po.id) = (bt.account_id, bt.livemode, bt.payout_id)
       and bt.account_id = $1 and bt.livemode = $2::boolean
       and bt.reporting_category = 'payout'
       and bt.effective_at <> po.effective_at`,
    [owner.accountId, owner.livemode],
  )
}
