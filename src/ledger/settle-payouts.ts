import type pg from 'pg'
import type { Tenant } from '../tenant.ts'

// greatest and least ignore null.
const settle = `
  with own as materialized (
    select id, payout_id, reporting_category, created, available_on from balance_transactions
    where account_id = $1 and livemode = $2::boolean and payout_id = any($3::text[])
  ),
  reversal as (
    select payout_id, min(created) as at from own where reporting_category = 'payout_reversal' group by payout_id
  ),
  payout as (
    select po.id, po.created, coalesce(reversal.at, po.reversed_at) as reversed_at,
      case
        when po.is_automatic is false then coalesce(po.created, po.effective_at)
        when po.effective_at is not null
          then least(greatest(po.effective_at, po.created), coalesce(reversal.at, po.reversed_at))
      end as effective_at
    from payouts po left join reversal on reversal.payout_id = po.id
    where po.account_id = $1 and po.livemode = $2::boolean and po.id = any($3::text[])
  ),
  settled as (
    update payouts po set effective_at = payout.effective_at from payout
    where po.account_id = $1 and po.livemode = $2::boolean and po.id = payout.id
      and po.effective_at is distinct from payout.effective_at
  ),
  paid as (
    select own.id,
      case when abs(extract(epoch from payout.created - own.created)) >= 60 then payout.created else own.created end
        as created,
      coalesce(payout.effective_at, least(greatest(own.available_on, own.created), payout.reversed_at)) as effective_at
    from own left join payout on payout.id = own.payout_id
    where own.reporting_category = 'payout'
  )
  update balance_transactions bt set (created, effective_at) = row (paid.created, paid.effective_at) from paid
  where bt.account_id = $1 and bt.livemode = $2::boolean and bt.id = paid.id
    and (bt.created, bt.effective_at) is distinct from (paid.created, paid.effective_at)`

/**
 * Sets the times at which payouts change the balance, from everything that the ledger knows about them. The rows of a
 * payout can come from several exports in any order.
 *
 * - A manual payout leaves the balance when it is created.
 * - An automatic payout leaves when it arrives, but not before it is created. When it is not known whether a payout is
 *   automatic, the time that an export gives counts, or the time at which its amount is available.
 * - A payout that is canceled or fails before it leaves changes the balance at that time and back at once, so that the
 *   balance is the same before and after. A payout that fails later returns at its failure.
 * - The creation time of a payout's row is that of the payout where an export contains only the former's effective time.
 */
export async function settlePayouts(
  client: pg.ClientBase,
  { accountId, livemode }: Tenant,
  payoutIds: ReadonlySet<string>,
): Promise<void> {
  if (payoutIds.size > 0) await client.query(settle, [accountId, livemode, [...payoutIds]])
}
