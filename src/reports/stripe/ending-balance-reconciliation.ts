import {
  columns,
  currency,
  decimalSeparator,
  endOfInterval,
  reportingCategory,
  timezone,
} from '../parameters.ts'
import { defineReportType } from '../report-type.ts'
import { itemizedSource } from './itemized.ts'
import {
  detailColumns,
  itemized1,
  itemized2,
  itemized3,
  metadataColumns,
  without,
} from './itemized-columns.ts'
import { ledgerAvailability } from './ledger-availability.ts'
import { heldBefore } from './ledger-filter.ts'
import { localReconciliation, utcReconciliation } from './reconciliation-columns.ts'
import { summaryColumns, summarySource } from './summary.ts'
import { defineVersions } from './versions.ts'

export const endingBalanceReconciliationSummary = defineReportType({
  name: 'ending_balance_reconciliation.summary.1',
  inputKey: 'endingBalanceReconciliationSummary',
  title: 'Ending balance reconciliation summary',
  description:
    'What the balance at the end of the interval consists of, summed up by reporting category and currency, with a total for each currency: the ending balance.',
  parameters: { ...endOfInterval, ...currency, ...timezone, ...columns },
  columns: summaryColumns,
  requiresLiveMode: false,
  availability: ledgerAvailability,
  source: (scope, { interval_end, currency: only }) =>
    summarySource(scope, { rows: heldBefore(scope, interval_end), currency: only }),
})

const inUtc = { ...endOfInterval, ...currency, ...reportingCategory, ...columns }
const inTimezone = { ...endOfInterval, ...timezone, ...currency, ...reportingCategory, ...columns }

export const endingBalanceReconciliationItemized = defineVersions<typeof inUtc>(
  {
    name: 'ending_balance_reconciliation.itemized',
    inputKey: 'endingBalanceReconciliationItemized',
    title: 'Itemized ending balance reconciliation',
    description:
      'Every balance transaction that the balance at the end of the interval consists of, one a row, oldest first: what no automatic payout had taken along by then.',
    requiresLiveMode: false,
    availability: ledgerAvailability,
    source: (scope, { interval_end, currency: only, reporting_category }) =>
      itemizedSource(scope, {
        rows: heldBefore(scope, interval_end),
        currency: only,
        reportingCategory: reporting_category,
      }),
  },
  [
    {
      parameters: inUtc,
      columns: utcReconciliation(
        without(itemized1, [
          'customer_name',
          'payment_intent_id',
          'payment_method_type',
          'statement_descriptor',
        ]),
      ),
    },
    { parameters: inUtc, columns: utcReconciliation(itemized2) },
    {
      parameters: inTimezone,
      columns: localReconciliation(without(itemized3, [...detailColumns, ...metadataColumns])),
    },
    { parameters: { ...inTimezone, ...decimalSeparator }, columns: localReconciliation(itemized3) },
  ],
)
