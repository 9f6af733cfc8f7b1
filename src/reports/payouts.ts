import { itemizedSource } from './itemized.ts'
import { type LedgerColumnName, ledgerColumns } from './ledger-columns.ts'
import { ledgerAvailability } from './ledger-scope.ts'
import { columns, currency, decimalSeparator, interval, reportingCategory, timezone } from './parameters.ts'
import { defineReportType } from './report-type.ts'
import { summaryColumns, summarySource } from './summary.ts'

export const payoutsSummary1 = defineReportType({
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
    summarySource(scope, { rows: 'payouts', from: interval_start, until: interval_end, currency: only }),
})

/** All columns of `payouts.itemized.3`. */
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

const itemized3Defaults: readonly LedgerColumnName[] = [
  'payout_id',
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

export const payoutsItemized3 = defineReportType({
  name: 'payouts.itemized.3',
  inputKey: 'payoutsItemized',
  title: 'Itemized payouts',
  description:
    'Every payout and every payout that came back, one a row, in the order in which they changed the balance.',
  parameters: {
    ...interval,
    ...timezone,
    ...currency,
    ...reportingCategory,
    ...decimalSeparator,
    ...columns,
  },
  columns: ledgerColumns(itemized3, itemized3Defaults),
  requiresLiveMode: false,
  availability: ledgerAvailability,
  source: (scope, { interval_start, interval_end, currency: only, reporting_category }) =>
    itemizedSource(scope, {
      rows: 'payouts',
      from: interval_start,
      until: interval_end,
      currency: only,
      reportingCategory: reporting_category,
    }),
})
