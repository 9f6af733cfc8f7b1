import type { ReportColumn } from '../column.ts'
import {
  addressColumns,
  type LedgerColumnName,
  ledgerColumns,
  transactionColumnNames,
} from './ledger-columns.ts'

type Names = readonly LedgerColumnName[]

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

/**
 * Version 3 of the itemized activity, by which the versions of the other families are measured. It takes a timezone: each
 * time has a local twin, and the payout's local one a twin in UTC. A column that is new needs a new version.
 */
export const itemized3: Names = without(transactionColumnNames, ['order_id', 'destination_payment_id'])

export const itemized2: Names = without(itemized3, [
  'created',
  'available_on',
  'charge_created',
  'automatic_payout_effective_at_utc',
])

export const itemized1: Names = without(itemized2, [
  ...detailColumns,
  'connected_account_id',
  'connected_account_name',
  'connected_account_country',
  ...metadataColumns,
])

export function without(names: Names, left: Names): Names {
  return names.filter((name) => !left.includes(name))
}

/** The columns of a version of the itemized activity. */
export function itemizedColumns(names: Names): ReportColumn[] {
  return ledgerColumns(names, defaultsOf(names))
}

/** The columns of a reconciliation: those of the payout come first, also among the default columns. */
export function reconciliationColumns(names: Names): ReportColumn[] {
  const ordered = [...payoutColumns, ...without(transactionColumnNames, payoutColumns)]
  return ledgerColumns(
    ordered.filter((name) => names.includes(name)),
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
