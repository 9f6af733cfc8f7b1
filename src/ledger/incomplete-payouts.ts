import type pg from 'pg'
import type { Tenant } from '../tenant.ts'

/** Automatic payouts of which the ledger does not know all swept rows. */
export type IncompletePayouts = {
  count: number
  /** The id of the earliest one; null when there is none. */
  firstId: string | null
  firstLeftAt: Date | null
}

// The fee of a payout is in its own row. It is not known whether Stripe counts it among what the payout sweeps.
const findIncomplete = `
  with swept as (
    select automatic_payout_id as id, sum(net) as net from balance_transactions
    where account_id = $1 and livemode = $2::boolean and automatic_payout_id is not null
    group by automatic_payout_id
  ),
  incomplete as (
    select po.id, po.effective_at from payouts po
    join balance_transactions own on (own.account_id, own.livemode, own.payout_id) = (po.account_id, po.livemode, po.id)
    left join swept on swept.id = po.id
    where po.account_id = $1 and po.livemode = $2::boolean and po.is_automatic and own.reporting_category = 'payout'
      and coalesce(swept.net, 0) not in (-own.amount, -own.net)
  )
  select count(*)::int as count, (array_agg(id order by effective_at, id))[1] as "firstId",
    min(effective_at) as "firstLeftAt"
  from incomplete`

/**
 * Finds the automatic payouts whose amount is not the sum of the rows that they swept. An export names the payout of a row
 * only when the payout has already swept the row.
 */
export async function findIncompletePayouts(
  client: pg.ClientBase,
  { accountId, livemode }: Tenant,
): Promise<IncompletePayouts> {
  const { rows } = await client.query<IncompletePayouts>(findIncomplete, [accountId, livemode])
  return rows[0] ?? { count: 0, firstId: null, firstLeftAt: null }
}
