import { columns, currency, interval, itemizedInTimezone, itemizedInUtc, timezone } from '../parameters.ts'
import { defineReportType } from '../report-type.ts'
import { sql } from '../sql.ts'
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
import { addressColumns, type LedgerColumnName } from './ledger-columns.ts'
import { sweptBetween } from './ledger-filter.ts'
import { localReconciliation, utcReconciliation } from './reconciliation-columns.ts'
import { summaryColumns, summarySource } from './summary.ts'
import { defineVersions } from './versions.ts'

export const payoutReconciliationSummary = defineReportType({
  name: 'payout_reconciliation.summary.1',
  inputKey: 'payoutReconciliationSummary',
  title: 'Payouts reconciliation summary',
  description:
    'What the automatic payouts that left the balance in the interval consist of, summed up by reporting category and currency, with a total for each currency.',
  parameters: { ...interval, ...currency, ...timezone, ...columns },
  columns: summaryColumns,
  requiresLiveMode: false,
  availability: ledgerAvailability,
  source: (scope, { interval_start, interval_end, currency: only }) =>
    summarySource(scope, { rows: sweptBetween(interval_start, interval_end), currency: only }),
})

const swept1: readonly LedgerColumnName[] = [
  ...without(itemized1, [
    'customer_name',
    ...addressColumns('shipping_address'),
    'payment_intent_id',
    'payment_method_type',
    'statement_descriptor',
  ]),
  'destination_payment_id',
]

/** The columns of each version, also for the reconciliation of a single payout, whose fourth version is the fifth here. */
export const sweptColumns = {
  1: utcReconciliation(swept1),
  2: utcReconciliation([...swept1, ...metadataColumns]),
  3: utcReconciliation([...itemized2, 'destination_payment_id', 'order_id']),
  4: localReconciliation([...without(itemized3, detailColumns), 'destination_payment_id']),
  5: localReconciliation([...itemized3, 'destination_payment_id', 'order_id']),
}

export const payoutReconciliationItemized = defineVersions<typeof itemizedInUtc>(
  {
    name: 'payout_reconciliation.itemized',
    inputKey: 'payoutReconciliationItemized',
    title: 'Itemized payout reconciliation',
    description:
      'Every balance transaction in the automatic payouts that left the balance in the interval, one a row, payout by payout.',
    requiresLiveMode: false,
    availability: ledgerAvailability,
    source: (scope, { interval_start, interval_end, currency: only, reporting_category }) =>
      itemizedSource(
        scope,
        {
          rows: sweptBetween(interval_start, interval_end),
          currency: only,
          reportingCategory: reporting_category,
        },
        sql`ap.effective_at, ap.id collate "C", bt.effective_at, bt.id collate "C"`,
      ),
  },
  [
    { parameters: itemizedInUtc, columns: sweptColumns[1] },
    { parameters: itemizedInUtc, columns: sweptColumns[2] },
    { parameters: itemizedInUtc, columns: sweptColumns[3] },
    { parameters: itemizedInTimezone, columns: sweptColumns[4] },
    { parameters: itemizedInTimezone, columns: sweptColumns[5] },
  ],
)
