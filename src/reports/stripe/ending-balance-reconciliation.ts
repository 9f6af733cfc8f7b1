import type { Tenant } from '../../tenant.ts'
import {
  columns,
  currency,
  decimalSeparator,
  endOfInterval,
  reportingCategory,
  timezone,
} from '../parameters.ts'
import type { Accepted } from '../report-type.ts'
import { type Sql, sql } from '../sql.ts'
import { sumsIn } from './balance-sums.ts'
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
import { checkKnownPayouts } from './known-payouts.ts'
import { cancelsOut, changesBefore, heldBefore, ledgerCondition, sweptFrom } from './ledger-rows.ts'

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
  check: (prisma, scope, { interval_end }) => checkKnownPayouts(prisma, scope, interval_end, 'interval_end'),
  rows: (scope, { interval_end }) => heldBefore(scope, interval_end),
  sums: heldSums,
  summary: {
    title: 'Ending balance reconciliation summary',
    description:
      'Balance transactions that make up the balance at the end of the interval, summed by reporting category and currency. The total for each currency is the ending balance.',
    parameters: { ...endOfInterval, ...currency, ...timezone, ...columns },
  },
  itemized: {
    title: 'Itemized ending balance reconciliation',
    description:
      'All balance transactions that make up the balance at the end of the interval, one per row, oldest first. These are the transactions that no automatic payout had paid out by then.',
    versions: [
      { parameters: inUtc, columns: reconciliationColumns(held1) },
      { parameters: inUtc, columns: reconciliationColumns(itemized2) },
      { parameters: inTimezone, columns: reconciliationColumns(held3) },
      { parameters: { ...inTimezone, ...decimalSeparator }, columns: reconciliationColumns(itemized3) },
    ],
  },
})

/**
 * The sums of `heldBefore`. An account with manual payouts has no swept rows, so that its whole history is held: these rows
 * come from the sums.
 */
function heldSums(scope: Tenant, parameters: Accepted<typeof endOfInterval>): Sql {
  const { interval_end: until } = parameters
  const swept = sql`${changesBefore(until)} and ${sweptFrom(scope, until)} and not ${cancelsOut}`
  return sql`select currency, reporting_category, count, amount, fee, net
  from (${sumsIn(scope, { from: null, until }, parameters)}) as waiting where not is_swept
  union all
  select bt.currency, bt.reporting_category, 1, bt.amount, bt.fee, bt.net
  from balance_transactions bt where ${ledgerCondition(scope, swept, parameters)}`
}
