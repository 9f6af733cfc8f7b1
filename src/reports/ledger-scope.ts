import type { Prisma } from '../database/client.ts'
import type { Availability, ReportScope } from './report-type.ts'
import { joinSql, noSql, type Sql, sql } from './sql.ts'

/** The span that the ledger of this account and mode covers. */
export const ledgerAvailability = async (
  prisma: Prisma,
  { accountId, livemode }: ReportScope,
): Promise<Availability | null> => {
  const coverage = await prisma.ledgerCoverage.findUnique({
    where: { accountId_livemode: { accountId, livemode } },
  })
  return coverage && { from: coverage.availableFrom, until: coverage.availableUntil }
}

export type LedgerFilter = {
  /** Which side of the balance: payouts and their reversals, or everything else. */
  rows: 'activity' | 'payouts' | 'all'
  /** Inclusive start; null means from the first row on. */
  from: string | null
  /** Exclusive end. */
  until: string
  currency: string | undefined
  reportingCategory?: string | undefined
}

/** True for rows that move money to the bank or back; every other row is activity. */
export const isPayout: Sql = sql`(bt.reporting_category in ('payout', 'payout_reversal'))`

/**
 * The condition on `balance_transactions bt` that selects a report's rows. Time is `effective_at`: when the balance
 * changed, which for payouts is not when they were created.
 */
export const ledgerCondition = ({ accountId, livemode }: ReportScope, filter: LedgerFilter): Sql => {
  const side = { activity: sql` and not ${isPayout}`, payouts: sql` and ${isPayout}`, all: noSql }[
    filter.rows
  ]
  const conditions = [
    sql`bt.account_id = ${accountId}`,
    sql`bt.livemode = ${livemode}`,
    sql`bt.effective_at < ${filter.until}::timestamptz`,
    ...(filter.from === null ? [] : [sql`bt.effective_at >= ${filter.from}::timestamptz`]),
    ...(filter.currency === undefined ? [] : [sql`bt.currency = ${filter.currency}`]),
    ...(filter.reportingCategory === undefined
      ? []
      : [sql`bt.reporting_category = ${filter.reportingCategory}`]),
  ]
  return sql`${joinSql(conditions, ' and ')}${side}`
}
