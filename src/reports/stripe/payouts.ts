import { columns, currency, interval, itemizedInTimezone, itemizedInUtc, timezone } from '../parameters.ts'
import { defineReportType } from '../report-type.ts'
import { sql } from '../sql.ts'
import { itemizedSource } from './itemized.ts'
import { without } from './itemized-columns.ts'
import { ledgerAvailability } from './ledger-availability.ts'
import { type LedgerColumnName, ledgerColumns, text } from './ledger-columns.ts'
import { payoutsBetween } from './ledger-filter.ts'
import { summaryColumns, summarySource } from './summary.ts'
import { defineVersions } from './versions.ts'

export const payoutsSummary = defineReportType({
  name: 'payouts.summary.1',
  inputKey: 'payoutsSummary',
  title: 'Payouts summary',
  description:
    'Payouts and payouts that came back, summed up by reporting category and currency, with a total for each currency. A payout belongs to the day on which it left the balance.',
  parameters: { ...interval, ...currency, ...timezone, ...columns },
  columns: summaryColumns,
  requiresLiveMode: false,
  availability: ledgerAvailability,
  source: (scope, { interval_start, interval_end, currency: only }) =>
    summarySource(scope, { rows: payoutsBetween(interval_start, interval_end), currency: only }),
})

/** All columns of version 3; the older ones have fewer. */
const itemized3: readonly LedgerColumnName[] = [
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

function defaultsWith(effectiveAt: 'effective_at' | 'effective_at_utc'): readonly LedgerColumnName[] {
  return [
    'payout_id',
    effectiveAt,
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
}

/** Here a row is about the payout, also where another one has swept what came back. */
const ownTrace = {
  trace_id: text(sql`po.trace_id`),
  trace_id_status: text(sql`po.trace_id_status`),
}

function columnsOf(names: readonly LedgerColumnName[], effectiveAt: 'effective_at' | 'effective_at_utc') {
  return ledgerColumns(names, defaultsWith(effectiveAt), ownTrace)
}

export const payoutsItemized = defineVersions<typeof itemizedInUtc>(
  {
    name: 'payouts.itemized',
    inputKey: 'payoutsItemized',
    title: 'Itemized payouts',
    description:
      'Every payout and every payout that came back, one a row, in the order in which they changed the balance.',
    requiresLiveMode: false,
    availability: ledgerAvailability,
    source: (scope, { interval_start, interval_end, currency: only, reporting_category }) =>
      itemizedSource(scope, {
        rows: payoutsBetween(interval_start, interval_end),
        currency: only,
        reportingCategory: reporting_category,
      }),
  },
  [
    { parameters: itemizedInUtc, columns: columnsOf(itemized1, 'effective_at_utc') },
    { parameters: itemizedInUtc, columns: columnsOf(itemized2, 'effective_at_utc') },
    { parameters: itemizedInTimezone, columns: columnsOf(itemized3, 'effective_at') },
  ],
)
