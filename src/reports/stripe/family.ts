import type { Prisma } from '../../postgres/client.ts'
import type { Tenant } from '../../tenant.ts'
import type { ReportColumn } from '../column.ts'
import type { ParameterSet } from '../parameters.ts'
import {
  type Accepted,
  type AnyReportType,
  defineReportType,
  type ReportSource,
  type ReportType,
} from '../report-type.ts'
import { noSql, type Sql, sql } from '../sql.ts'
import { amount, defineColumns, text } from './ledger-columns.ts'
import { checkCategory, ledgerAvailability, ledgerCondition, ledgerOrder, ledgerRows } from './ledger-rows.ts'

/**
 * A summary report and the versions of an itemized report on the same balance transactions. `P` are the parameters that
 * select the transactions; the types of the family can have more.
 */
type Family<P extends ParameterSet> = {
  /** Prefix of the names of its types. */
  name: string
  /** The condition on `ledgerRows` that selects the transactions. */
  rows(scope: Tenant, parameters: Accepted<P>): Sql
  /**
   * The sums of these transactions as `sumsIn` returns them, where they are cheaper than the transactions. Default: the
   * transactions.
   */
  sums?(scope: Tenant, parameters: Accepted<P>): Sql
  check?: NonNullable<ReportType<P>['check']>
  /** True when the amounts are positive for money that leaves the balance, as those of payouts are. */
  countsOutflow?: boolean
  summary: { title: string; description: string; parameters: P }
  itemized: {
    title: string
    description: string
    /** Default: the order in which the transactions changed the balance. */
    orderBy?: Sql
    /** Numbered from 1 on. The newest has every column of the others, which name it as what replaces them. */
    versions: readonly { parameters: P; columns: readonly ReportColumn[] }[]
  }
}

export function defineFamily<P extends ParameterSet>({
  name,
  rows,
  sums,
  check,
  countsOutflow = false,
  summary,
  itemized: { versions, orderBy = ledgerOrder, ...itemized },
}: Family<P>): AnyReportType[] {
  const shared = {
    requiresLiveMode: false,
    availability: ledgerAvailability,
    check: async (prisma: Prisma, scope: Tenant, parameters: Accepted<P>) => [
      ...(await checkCategory(prisma, scope, parameters)),
      ...((await check?.(prisma, scope, parameters)) ?? []),
    ],
  }
  const condition = (scope: Tenant, parameters: Accepted<P>) =>
    ledgerCondition(scope, rows(scope, parameters), parameters)
  const rowSums = (scope: Tenant, parameters: Accepted<P>) =>
    sql`select bt.currency, bt.reporting_category, 1 as count, bt.amount, bt.fee, bt.net
  from ${ledgerRows} where ${condition(scope, parameters)}`
  const newest = versions.length
  return [
    defineReportType({
      ...shared,
      ...summary,
      name: `${name}.summary.1`,
      columns: summaryColumns(countsOutflow),
      source: (scope, parameters) => summarySource((sums ?? rowSums)(scope, parameters), countsOutflow),
    }),
    ...versions.map((version, index) =>
      defineReportType({
        ...shared,
        ...itemized,
        ...version,
        name: `${name}.itemized.${index + 1}`,
        replacedBy: index + 1 === newest ? null : `${name}.itemized.${newest}`,
        source: (scope, parameters) => ({
          from: sql`${ledgerRows} where ${condition(scope, parameters)}`,
          orderBy,
        }),
      }),
    ),
  ]
}

const currency = sql`line.currency`

function summaryColumns(countsOutflow: boolean): ReportColumn[] {
  const [gross, net] = countsOutflow
    ? [
        'Sum of gross amounts, in major units; positive when money went to the bank.',
        'Gross plus fee, in major units: what left the balance.',
      ]
    : [
        'Sum of gross amounts, in major units; negative when money left the balance.',
        'Gross minus fee, in major units.',
      ]
  return defineColumns({
    reporting_category: [
      'Reporting category; `total` in the last row of each currency.',
      text`line.reporting_category`,
    ],
    currency: ['Settlement currency, as a lowercase ISO 4217 code.', text`${currency}`],
    count: ['Number of balance transactions.', { kind: 'integer', sql: sql`line.count` }],
    gross: [gross, amount(sql`line.gross`, currency)],
    fee: [
      'Sum of fees, in major units; positive when charged, as in the itemized reports.',
      amount(sql`line.fee`, currency),
    ],
    net: [net, amount(sql`line.net`, currency)],
  })
}

/** One row for each reporting category and currency, followed by a total row for each currency. */
function summarySource(sums: Sql, countsOutflow: boolean): ReportSource {
  const sign = countsOutflow ? sql`-` : noSql
  return {
    from: sql`(
  select
    case when grouping(bt.reporting_category) = 1 then 'total' else bt.reporting_category end as reporting_category,
    bt.currency,
    grouping(bt.reporting_category) as is_total,
    sum(bt.count)::bigint as count,
    ${sign}sum(bt.amount) as gross,
    sum(bt.fee) as fee,
    ${sign}sum(bt.net) as net
  from (${sums}) as bt
  group by grouping sets ((bt.currency, bt.reporting_category), (bt.currency))
  having sum(bt.count) > 0
) as line`,
    orderBy: sql`line.currency collate "C", line.is_total, line.reporting_category collate "C"`,
  }
}
