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

/** Columns that version 2 adds and some later versions of other families omit. */
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
 * Version 3 of the itemized activity, from which the versions of the other families derive. It takes a timezone, so
 * each time is available in UTC and in the timezone of the report. A new column needs a new version.
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

export function without(names: Names, omitted: Names): Names {
  return names.filter((name) => !omitted.includes(name))
}

/** The columns of a version of the itemized activity. */
export function itemizedColumns(names: Names): ReportColumn[] {
  return ledgerColumns(names, defaultsOf(names))
}

/** The columns of a reconciliation, with the columns of the payout first. */
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

/** By default, times are in the report's timezone if the version takes one, and otherwise in UTC. */
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
