import { itemizedSource } from './itemized.ts'
import { addressColumns, type LedgerColumnName, ledgerColumns } from './ledger-columns.ts'
import { ledgerAvailability } from './ledger-scope.ts'
import { columns, currency, decimalSeparator, interval, reportingCategory, timezone } from './parameters.ts'
import { defineReportType } from './report-type.ts'
import { summaryColumns, summarySource } from './summary.ts'

export const activitySummary1 = defineReportType({
  name: 'balance_change_from_activity.summary.1',
  inputKey: 'balanceChangeFromActivitySummary',
  title: 'Balance change from activity summary',
  description:
    'What changed the balance, other than payouts, summed up by reporting category and currency, with a total for each currency.',
  parameters: { ...interval, ...currency, ...timezone, ...columns },
  columns: summaryColumns,
  requiresLiveMode: false,
  availability: ledgerAvailability,
  source: (scope, { interval_start, interval_end, currency: only }) =>
    summarySource(scope, { rows: 'activity', from: interval_start, until: interval_end, currency: only }),
})

/** All columns of `balance_change_from_activity.itemized.3`, in the order that Stripe documents. */
const itemized3: readonly LedgerColumnName[] = [
  'balance_transaction_id',
  'created_utc',
  'created',
  'available_on_utc',
  'available_on',
  'currency',
  'gross',
  'fee',
  'net',
  'reporting_category',
  'source_id',
  'description',
  'customer_facing_amount',
  'customer_facing_currency',
  'regulatory_tag',
  'automatic_payout_id',
  'automatic_payout_effective_at_utc',
  'automatic_payout_effective_at',
  'customer_id',
  'customer_email',
  'customer_name',
  'customer_description',
  ...addressColumns('customer_shipping_address'),
  ...addressColumns('customer_address'),
  ...addressColumns('shipping_address'),
  ...addressColumns('card_address'),
  'charge_id',
  'payment_intent_id',
  'charge_created_utc',
  'charge_created',
  'invoice_id',
  'invoice_number',
  'subscription_id',
  'payment_method_type',
  'is_link',
  'card_brand',
  'card_funding',
  'card_country',
  'statement_descriptor',
  'dispute_reason',
  'connected_account_id',
  'connected_account_name',
  'connected_account_country',
  'connected_account_direct_charge_id',
  'payment_metadata[key]',
  'refund_metadata[key]',
  'transfer_metadata[key]',
  'trace_id',
  'trace_id_status',
]

const itemized3Defaults: readonly LedgerColumnName[] = [
  'balance_transaction_id',
  'created',
  'available_on',
  'currency',
  'gross',
  'fee',
  'net',
  'reporting_category',
  'description',
]

export const activityItemized3 = defineReportType({
  name: 'balance_change_from_activity.itemized.3',
  inputKey: 'balanceChangeFromActivityItemized',
  title: 'Itemized balance change from activity',
  description: 'Every balance transaction other than payouts, one a row, oldest first.',
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
      rows: 'activity',
      from: interval_start,
      until: interval_end,
      currency: only,
      reportingCategory: reporting_category,
    }),
})
