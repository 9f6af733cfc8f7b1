import type { ReportColumn } from '../column.ts'
import { columns, currency, interval, itemizedInTimezone, itemizedInUtc, timezone } from '../parameters.ts'
import { sql } from '../sql.ts'
import { spanOf, sumsIn } from './balance-sums.ts'
import { defineFamily } from './family.ts'
import { without } from './itemized-columns.ts'
import { amount, type Definition, type LedgerColumnName, ledgerColumns, text } from './ledger-columns.ts'
import { changesBetween, isPayout } from './ledger-rows.ts'

/** The default columns, with the effective time both in the report's timezone and in UTC. */
const defaults: readonly LedgerColumnName[] = [
  'payout_id',
  'effective_at_utc',
  'effective_at',
  'currency',
  'gross',
  'fee',
  'net',
  'reporting_category',
  'balance_transaction_id',
  'description',
  'payout_expected_arrival_date',
  'payout_status',
]

/** All columns of version 3; older versions have fewer. */
const itemized3: readonly LedgerColumnName[] = [
  ...defaults,
  'payout_reversed_at_utc',
  'payout_reversed_at',
  'payout_type',
  'payout_description',
  'payout_destination_id',
  'regulatory_tag',
  'trace_id',
  'trace_id_status',
]
const itemized2 = without(itemized3, ['effective_at', 'payout_reversed_at_utc'])
const itemized1 = without(itemized2, ['regulatory_tag'])

/**
 * Stripe's own files show payouts with the sign of the bank account. The trace ID is that of the row's payout, even if
 * another payout swept the reversal.
 */
const payoutDefinitions = {
  gross: [
    'Amount that went to the bank, in major units; negative when it came back or was debited from the bank.',
    amount(sql`-bt.amount`),
  ],
  net: [
    'Gross plus fee, in major units: what left the balance. It is the sum of the net amounts that an automatic payout swept; negative when money returned to the balance.',
    amount(sql`-bt.net`),
  ],
  fee: ['Fee of the payout, in major units; positive when charged.', amount(sql`bt.fee`)],
  trace_id: ['Trace ID of the payout: the reference that the bank assigned.', text`po.trace_id`],
  trace_id_status: ['Status of the trace ID: pending, unsupported or supported.', text`po.trace_id_status`],
} as const satisfies Partial<Record<LedgerColumnName, Definition>>

function columnsOf(names: readonly LedgerColumnName[]): ReportColumn[] {
  const isLocal = names.includes('effective_at')
  return ledgerColumns(names, isLocal ? without(defaults, ['effective_at_utc']) : defaults, payoutDefinitions)
}

export const payoutReports = defineFamily<typeof interval>({
  name: 'payouts',
  rows: (_scope, parameters) => sql`${changesBetween(parameters)} and ${isPayout}`,
  sums: (scope, parameters) =>
    sql`select * from (${sumsIn(scope, spanOf(parameters), parameters)}) as bt where ${isPayout}`,
  countsOutflow: true,
  summary: {
    title: 'Payouts summary',
    description:
      'Payouts and payout reversals, summed by reporting category and currency, with a total for each currency. A payout belongs to the interval in which it left the balance.',
    parameters: { ...interval, ...currency, ...timezone, ...columns },
  },
  itemized: {
    title: 'Itemized payouts',
    description:
      'All payouts and payout reversals, one per row, in the order in which they changed the balance.',
    versions: [
      { parameters: itemizedInUtc, columns: columnsOf(itemized1) },
      { parameters: itemizedInUtc, columns: columnsOf(itemized2) },
      { parameters: itemizedInTimezone, columns: columnsOf(itemized3) },
    ],
  },
})
