import type { Tenant } from '../../tenant.ts'
import { joinSql, type Sql, sql } from '../sql.ts'

/** Which rows of `ledgerRows` a report is about. */
export type LedgerFilter = {
  /** What its family is about: one of the conditions below. */
  rows: Sql
  currency?: string | undefined
  reportingCategory?: string | undefined
}

/** The condition on `ledgerRows` that selects a report's rows, all of them of this account and mode. */
export function ledgerCondition({ accountId, livemode }: Tenant, filter: LedgerFilter): Sql {
  const conditions = [
    sql`bt.account_id = ${accountId}`,
    sql`bt.livemode = ${livemode}`,
    filter.rows,
    ...(filter.currency === undefined ? [] : [sql`bt.currency = ${filter.currency}`]),
    ...(filter.reportingCategory === undefined
      ? []
      : [sql`bt.reporting_category = ${filter.reportingCategory}`]),
  ]
  return joinSql(conditions, ' and ')
}

/** True for rows that move money to the bank or back; every other row is activity. */
export const isPayout: Sql = sql`(bt.reporting_category in ('payout', 'payout_reversal'))`

// Times are RFC 3339 text. What is changed at a time is `effective_at`: for payouts that is not when they were created.

/** Rows that changed the balance before a moment. */
export function changesBefore(until: string): Sql {
  return sql`bt.effective_at < ${until}::timestamptz`
}

/** Rows that changed the balance from a moment on, and before another. */
export function changesBetween(from: string, until: string): Sql {
  return sql`bt.effective_at >= ${from}::timestamptz and ${changesBefore(until)}`
}

export function activityBetween(from: string, until: string): Sql {
  return sql`${changesBetween(from, until)} and not ${isPayout}`
}

export function payoutsBetween(from: string, until: string): Sql {
  return sql`${changesBetween(from, until)} and ${isPayout}`
}

/** Rows swept by the automatic payouts that left the balance from a moment on, and before another. */
export function sweptBetween(from: string, until: string): Sql {
  return sql`ap.effective_at >= ${from}::timestamptz and ap.effective_at < ${until}::timestamptz`
}

/** Rows swept by one automatic payout. */
export function sweptBy(payoutId: string): Sql {
  return sql`bt.automatic_payout_id = ${payoutId}`
}

/**
 * Rows that make up the balance just before a moment: what no automatic payout has taken along by then. An automatic
 * payout's own row is none of them, as it takes away what the rows that it swept had brought. One is told by the rows that
 * it swept, because not every ledger knows which payouts are automatic.
 */
export function heldBefore({ accountId, livemode }: Tenant, moment: string): Sql {
  return sql`${changesBefore(moment)}
and (bt.automatic_payout_id is null or bt.automatic_payout_id = any (array(
  select id from payouts
  where account_id = ${accountId} and livemode = ${livemode} and effective_at >= ${moment}::timestamptz
)))
and not (bt.reporting_category = 'payout' and exists (
  select from balance_transactions swept
  where (swept.account_id, swept.livemode, swept.automatic_payout_id) = (bt.account_id, bt.livemode, bt.payout_id)
))`
}
