import {
  columns,
  currency,
  decimalSeparator,
  endOfInterval,
  reportingCategory,
  timezone,
} from '../parameters.ts'
import { defineFamily } from './family.ts'
import {
  detailColumns,
  itemized1,
  itemized2,
  itemized3,
  metadataColumns,
  reconciliationColumns,
  without,
} from './itemized-columns.ts'
import { heldBefore } from './ledger-rows.ts'

const inUtc = { ...endOfInterval, ...currency, ...reportingCategory, ...columns }
const inTimezone = { ...endOfInterval, ...timezone, ...currency, ...reportingCategory, ...columns }

const held1 = without(itemized1, [
  'customer_name',
  'payment_intent_id',
  'payment_method_type',
  'statement_descriptor',
])
const held3 = without(itemized3, [...detailColumns, ...metadataColumns])

export const endingBalanceReconciliationReports = defineFamily<typeof endOfInterval>({
  name: 'ending_balance_reconciliation',
  rows: (scope, { interval_end }) => heldBefore(scope, interval_end),
  summary: {
    title: 'Ending balance reconciliation summary',
    description:
      'What the balance at the end of the interval consists of, summed up by reporting category and currency, with a total for each currency: the ending balance.',
    parameters: { ...endOfInterval, ...currency, ...timezone, ...columns },
  },
  itemized: {
    title: 'Itemized ending balance reconciliation',
    description:
      'Every balance transaction that the balance at the end of the interval consists of, one a row, oldest first: what no automatic payout had taken along by then.',
    versions: [
      { parameters: inUtc, columns: reconciliationColumns(held1) },
      { parameters: inUtc, columns: reconciliationColumns(itemized2) },
      { parameters: inTimezone, columns: reconciliationColumns(held3) },
      { parameters: { ...inTimezone, ...decimalSeparator }, columns: reconciliationColumns(itemized3) },
    ],
  },
})
