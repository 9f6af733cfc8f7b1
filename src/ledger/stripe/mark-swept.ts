import { chunksOf } from './chunks.ts'
import type { StripeLedger } from './stripe-ledger.ts'

/** Rows that are marked at once. */
const rowsAtOnce = 1_000

/**
 * Marks the rows that an automatic payout swept into the bank. Those that are older than the ledger are left out: it knows
 * nothing of their time.
 */
export async function markSwept({ stripe, client, tenant }: StripeLedger, payoutId: string): Promise<void> {
  const swept = stripe.balanceTransactions.list({ payout: payoutId, limit: 100 })
  for await (const rows of chunksOf(swept, rowsAtOnce)) {
    // The list has the payout's own row, too.
    const ids = rows.filter(({ source }) => source !== payoutId).map(({ id }) => id)
    await client.query(
      `update balance_transactions set automatic_payout_id = $3
       where account_id = $1 and livemode = $2 and id = any($4::text[])
         and automatic_payout_id is distinct from $3`,
      [tenant.accountId, tenant.livemode, payoutId, ids],
    )
  }
}
