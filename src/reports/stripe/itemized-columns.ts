import type { ReportColumn } from '../column.ts'
import { addressColumns, inDocumentedOrder, type LedgerColumnName, ledgerColumns } from './ledger-columns.ts'

type Names = readonly LedgerColumnName[]

/** Version 1 of the itemized activity, by which the versions of the other families are measured. Times are in UTC. */
export const itemized1: Names = [
  'balance_transaction_id',
  'created_utc',
  'available_on_utc',
  'currency',
  'gross',
  'fee',
  'net',
  'reporting_category',
  'source_id',
  'description',
  'customer_facing_amount',
  'customer_facing_currency',
  'automatic_payout_id',
  'automatic_payout_effective_at',
  'customer_id',
  'customer_email',
  'customer_name',
  'customer_description',
  ...addressColumns('shipping_address'),
  'charge_id',
  'payment_intent_id',
  'charge_created_utc',
  'invoice_id',
  'subscription_id',
  'payment_method_type',
  'is_link',
  'card_brand',
  'card_funding',
  'card_country',
  'statement_descriptor',
  'trace_id',
  'trace_id_status',
]

export const metadataColumns: Names = [
  'payment_metadata[key]',
  'refund_metadata[key]',
  'transfer_metadata[key]',
]

/** What version 2 adds and some later versions of other families leave out again. */
export const detailColumns: Names = [
  'regulatory_tag',
  ...addressColumns('customer_shipping_address'),
  ...addressColumns('customer_address'),
  ...addressColumns('card_address'),
  'invoice_number',
  'dispute_reason',
  'connected_account_direct_charge_id',
]

export const itemized2: Names = [
  ...itemized1,
  ...detailColumns,
  'connected_account_id',
  'connected_account_name',
  'connected_account_country',
  ...metadataColumns,
]

/** Version 3 takes a timezone: each time has a local twin, and the payout's local one a twin in UTC. */
export const itemized3: Names = [
  ...itemized2,
  'created',
  'available_on',
  'charge_created',
  'automatic_payout_effective_at_utc',
]

export function without(names: Names, left: Names): Names {
  return names.filter((name) => !left.includes(name))
}

/** The columns of a version that lists these. */
export function itemizedColumns(names: Names): ReportColumn[] {
  return ledgerColumns(inDocumentedOrder(names), defaultsOf(names))
}

/** The columns of a reconciliation: those of the payout come first, also among the default columns. */
export function reconciliationColumns(names: Names): ReportColumn[] {
  return ledgerColumns(
    [
      ...payoutColumns.filter((name) => names.includes(name)),
      ...inDocumentedOrder(without(names, payoutColumns)),
    ],
    ['automatic_payout_id', 'automatic_payout_effective_at', ...defaultsOf(names)],
  )
}

const payoutColumns: Names = [
  'automatic_payout_id',
  'automatic_payout_effective_at_utc',
  'automatic_payout_effective_at',
]

/** Times are in the timezone of the report by default, in a version that takes one. */
function defaultsOf(names: Names): Names {
  return [
    'balance_transaction_id',
    ...(names.includes('created')
      ? (['created', 'available_on'] as const)
      : (['created_utc', 'available_on_utc'] as const)),
    'currency',
    'gross',
    'fee',
    'net',
    'reporting_category',
    'description',
  ]
}
