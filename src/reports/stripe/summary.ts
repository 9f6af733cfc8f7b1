import type { Tenant } from '../../tenant.ts'
import type { ReportColumn } from '../column.ts'
import type { ReportSource } from '../report-type.ts'
import { sql } from '../sql.ts'
import { ledgerRows } from './ledger-columns.ts'
import { type LedgerFilter, ledgerCondition } from './ledger-filter.ts'

/** Columns of every `*.summary.1` but the balance's. */
export const summaryColumns: ReportColumn[] = [
  {
    name: 'reporting_category',
    description: 'Kind of balance transaction; `total` on the last line of each currency.',
    isDefault: true,
    value: { kind: 'text', sql: sql`line.reporting_category` },
  },
  {
    name: 'currency',
    description: 'Settlement currency, in lower case.',
    isDefault: true,
    value: { kind: 'text', sql: sql`line.currency` },
  },
  {
    name: 'count',
    description: 'How many balance transactions it sums up.',
    isDefault: true,
    value: { kind: 'integer', sql: sql`line.count` },
  },
  amountColumn('gross', 'Sum of gross, in major units; negative when money left the balance.'),
  amountColumn('fee', 'Sum of fees, in major units; positive when charged, as in the itemized reports.'),
  amountColumn('net', 'Gross less fee, in major units.'),
]

/** One line for each reporting category and currency, then a total line for each currency. */
export function summarySource(scope: Tenant, filter: LedgerFilter): ReportSource {
  return {
    from: sql`(
  select
    case when grouping(bt.reporting_category) = 1 then 'total' else bt.reporting_category end as reporting_category,
    bt.currency,
    grouping(bt.reporting_category) as is_total,
    count(*) as count,
    sum(bt.amount) as gross,
    sum(bt.fee) as fee,
    sum(bt.net) as net
  from ${ledgerRows}
  where ${ledgerCondition(scope, filter)}
  group by grouping sets ((bt.currency, bt.reporting_category), (bt.currency))
) as line`,
    orderBy: sql`line.currency collate "C", line.is_total, line.reporting_category collate "C"`,
  }
}

function amountColumn(name: 'gross' | 'fee' | 'net', description: string): ReportColumn {
  return {
    name,
    description,
    isDefault: true,
    value: {
      kind: 'amount',
      sql: { gross: sql`line.gross`, fee: sql`line.fee`, net: sql`line.net` }[name],
      currency: sql`line.currency`,
    },
  }
}
