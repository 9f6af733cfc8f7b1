import { InputError } from '../../errors.ts'
import { reportingCategories } from '../../ledger/reporting-categories.ts'
import type { Prisma } from '../../postgres/client.ts'
import type { Tenant } from '../../tenant.ts'
import { type interval, preview } from '../parameters.ts'
import type { Accepted, AcceptedParameters, Availability } from '../report-type.ts'
import { joinSql, noSql, type Sql, sql } from '../sql.ts'

/** The tables that itemized reports read, as the `from` clause. */
// Each join is on a whole primary key, so Postgres removes the joins whose columns are not selected.
export const ledgerRows: Sql = sql`balance_transactions bt
left join charges ch on (ch.account_id, ch.livemode, ch.id) = (bt.account_id, bt.livemode, bt.charge_id)
left join customers cu on (cu.account_id, cu.livemode, cu.id) = (ch.account_id, ch.livemode, ch.customer_id)
left join payouts ap on (ap.account_id, ap.livemode, ap.id) = (bt.account_id, bt.livemode, bt.automatic_payout_id)
left join payouts po on (po.account_id, po.livemode, po.id) = (bt.account_id, bt.livemode, bt.payout_id)`

/** The order in which the balance changed. IDs sort by bytes, so that files do not depend on the database's locale. */
export const ledgerOrder: Sql = sql`bt.effective_at, bt.id collate "C"`

/** The span that the ledger of an account and mode covers; null when there is no ledger. */
export async function ledgerAvailability(
  prisma: Prisma,
  { accountId, livemode }: Tenant,
): Promise<Availability | null> {
  const coverage = await prisma.ledgerCoverage.findUnique({
    where: { accountId_livemode: { accountId, livemode } },
  })
  return coverage && { from: coverage.availableFrom, until: coverage.availableUntil }
}

/**
 * The condition on `ledgerRows` that selects a report's rows, limited to one account and mode.
 *
 * @param rows the condition of the report, such as one of those below
 * @param parameters `currency` and `reporting_category` filter the rows if present
 */
export function ledgerCondition(
  { accountId, livemode }: Tenant,
  rows: Sql,
  { currency, reporting_category: category }: AcceptedParameters,
): Sql {
  const conditions = [
    sql`bt.account_id = ${accountId}`,
    sql`bt.livemode = ${livemode}`,
    rows,
    ...(currency === undefined ? [] : [sql`bt.currency = ${currency}`]),
    ...(category === undefined ? [] : [sql`bt.reporting_category = ${category}`]),
  ]
  return joinSql(conditions, ' and ')
}

/** A reporting category that is not known must be in the ledger, because a misspelled one would select nothing. */
export async function checkCategory(
  prisma: Prisma,
  { accountId, livemode }: Tenant,
  { reporting_category: reportingCategory }: AcceptedParameters,
): Promise<InputError[]> {
  if (typeof reportingCategory !== 'string' || knownCategories.includes(reportingCategory)) return []
  // The ledger has no index on the category.
  const found = await prisma.balanceSum.findFirst({
    where: { accountId, livemode, period: 'MONTH', reportingCategory, count: { gt: 0 } },
    select: { count: true },
  })
  if (found) return []
  const message = `${preview(reportingCategory)} is not a valid reporting category. It is not in the ledger either.`
  return [new InputError(message, ['reporting_category'], reportingCategories)]
}

const knownCategories: readonly string[] = reportingCategories

/** True for rows that move money to the bank or back; every other row is activity. */
export const isPayout: Sql = sql`(bt.reporting_category in ('payout', 'payout_reversal'))`

// Times are RFC 3339 text. Rows count at `effective_at`, which can be later than `created` for payouts.

/** Rows that changed the balance before an instant. */
export function changesBefore(until: string): Sql {
  return sql`bt.effective_at < ${until}::timestamptz`
}

/** Rows that changed the balance in the interval. */
export function changesBetween({ interval_start, interval_end }: Accepted<typeof interval>): Sql {
  return sql`bt.effective_at >= ${interval_start}::timestamptz and ${changesBefore(interval_end)}`
}

/**
 * Rows that make up the balance just before an instant: those that no automatic payout had swept by then. The row of an
 * automatic payout is not included, because it cancels out the rows that the payout swept. The condition recognizes
 * automatic payouts by their swept rows, because not every ledger has `is_automatic`.
 */
export function heldBefore(scope: Tenant, until: string): Sql {
  return sql`${changesBefore(until)}
and (bt.automatic_payout_id is null or ${sweptFrom(scope, until)}) and not ${cancelsOut}`
}

/** Rows in automatic payouts that left the balance at an instant or later, and before another one if it is given. */
export function sweptFrom({ accountId, livemode }: Tenant, from: string, until?: string): Sql {
  // An array, because it lets the planner see that few payouts lead to few rows. A join of both tables can read all rows.
  return sql`bt.automatic_payout_id = any (array(
  select id from payouts
  where account_id = ${accountId} and livemode = ${livemode} and effective_at >= ${from}::timestamptz
    ${until === undefined ? noSql : sql`and effective_at < ${until}::timestamptz`}
))`
}

/** Rows of automatic payouts. */
export const cancelsOut: Sql = sql`(bt.reporting_category = 'payout' and exists (
  select from balance_transactions swept
  where (swept.account_id, swept.livemode, swept.automatic_payout_id) = (bt.account_id, bt.livemode, bt.payout_id)
))`
