import { addressParts } from '../../ledger/rows.ts'
import type { ColumnValue, ReportColumn } from '../column.ts'
import { type Sql, sql } from '../sql.ts'

/** A column definition; `isDefault` is true when absent. */
export type Definition = readonly [description: string, value: ColumnValue, isDefault?: boolean]

export function defineColumns(definitions: Readonly<Record<string, Definition>>): ReportColumn[] {
  return Object.entries(definitions).map(([name, [description, value, isDefault = true]]) => ({
    name,
    description,
    isDefault,
    value,
  }))
}

type Tagged = Parameters<typeof sql>

export function text(...value: Tagged): ColumnValue {
  return { kind: 'text', sql: sql(...value) }
}

/** An amount, by default in the settlement currency of `bt`. */
export function amount(value: Sql, currency: Sql = sql`bt.currency`): ColumnValue {
  return { kind: 'amount', sql: value, currency }
}

/** An instant in the timezone of the report. */
export function local(...value: Tagged): ColumnValue {
  return { kind: 'instant', sql: sql(...value), zone: 'report' }
}

/**
 * The meaning and source of each column on a balance transaction, with Stripe's names and in the order of Stripe's
 * documentation.
 */
const transactionColumns = {
  balance_transaction_id: ['ID of the balance transaction.', text`bt.id`],
  created_utc: ['When the balance transaction was created, in UTC.', utc`bt.created`],
  created: ["When the balance transaction was created, in the report's timezone.", local`bt.created`],
  available_on_utc: ['When the net amount becomes available, in UTC.', utc`bt.available_on`],
  available_on: ["When the net amount becomes available, in the report's timezone.", local`bt.available_on`],
  currency: ['Settlement currency of gross, fee and net, as a lowercase ISO 4217 code.', text`bt.currency`],
  gross: [
    'Amount before fees, in major units; negative when money leaves the balance.',
    amount(sql`bt.amount`),
  ],
  fee: ['Fees deducted from the gross amount, in major units; positive when charged.', amount(sql`bt.fee`)],
  net: ['Gross minus fee, in major units: the change of the balance.', amount(sql`bt.net`)],
  reporting_category: ['Category of the balance transaction for accounting.', text`bt.reporting_category`],
  source_id: [
    'ID of the object behind the transaction, such as a charge, refund, dispute, payout or transfer.',
    text`bt.source_id`,
  ],
  description: ['Description of the balance transaction.', text`bt.description`],
  customer_facing_amount: [
    'Amount shown to the customer, in major units of customer_facing_currency.',
    amount(sql`bt.customer_facing_amount`, sql`bt.customer_facing_currency`),
  ],
  customer_facing_currency: ['Currency shown to the customer.', text`bt.customer_facing_currency`],
  regulatory_tag: ['Regulatory tag; Brazil only.', text`bt.regulatory_tag`],
  automatic_payout_id: [
    'ID of the automatic payout that includes the transaction.',
    text`bt.automatic_payout_id`,
  ],
  automatic_payout_effective_at_utc: [
    'When the automatic payout left the balance, in UTC.',
    utc`ap.effective_at`,
  ],
  automatic_payout_effective_at: [
    "When the automatic payout left the balance, in the report's timezone, or in UTC if the report has no timezone parameter.",
    local`ap.effective_at`,
  ],
  customer_id: ['ID of the customer.', text`ch.customer_id`],
  customer_email: ['Email address of the customer.', text`cu.email`],
  customer_name: ['Name of the customer.', text`cu.name`],
  customer_description: ['Description of the customer.', text`cu.description`],
  ...address('customer_shipping_address', 'Shipping address of the customer', sql`cu.shipping_address`),
  ...address('customer_address', 'Address of the customer', sql`cu.address`),
  ...address('shipping_address', 'Shipping address of the charge', sql`ch.shipping_address`),
  ...address('card_address', 'Address of the card', sql`ch.card_address`),
  charge_id: ['ID of the original charge.', text`bt.charge_id`],
  payment_intent_id: ['ID of the payment intent.', text`ch.payment_intent_id`],
  charge_created_utc: ['When the original charge was created, in UTC.', utc`ch.created`],
  charge_created: ["When the original charge was created, in the report's timezone.", local`ch.created`],
  invoice_id: ['ID of the invoice.', text`ch.invoice_id`],
  invoice_number: ['Number of the invoice.', text`ch.invoice_number`],
  subscription_id: ['ID of the subscription.', text`ch.subscription_id`],
  order_id: ['ID of the order.', text`ch.order_id`],
  payment_method_type: ['Type of the payment method.', text`ch.payment_method_type`],
  is_link: ['True when the customer paid with Link.', { kind: 'boolean', sql: sql`ch.is_link` }],
  card_brand: ['Brand of the card.', text`ch.card_brand`],
  card_funding: ['Funding type of the card: credit, debit, prepaid or unknown.', text`ch.card_funding`],
  card_country: ['Country of the card, as a two-letter code.', text`ch.card_country`],
  statement_descriptor: ["Text of the charge on the customer's statement.", text`ch.statement_descriptor`],
  dispute_reason: ['Reason for the dispute.', text`bt.dispute_reason`],
  connected_account_id: ['ID of the connected account.', text`bt.connected_account_id`],
  connected_account_name: ['Name of the connected account.', text`bt.connected_account_name`],
  connected_account_country: ['Country of the connected account.', text`bt.connected_account_country`],
  connected_account_direct_charge_id: [
    'ID of the direct charge on the connected account.',
    text`bt.connected_account_direct_charge_id`,
  ],
  destination_payment_id: [
    'ID of the payment on the destination account of a transfer or destination charge.',
    text`bt.destination_payment_id`,
  ],
  'payment_metadata[key]': [
    "Value of the key in the payment's metadata.",
    { kind: 'entry', object: sql`ch.metadata` },
  ],
  'refund_metadata[key]': [
    "Value of the key in the refund's metadata.",
    { kind: 'entry', object: sql`bt.refund_metadata` },
  ],
  'transfer_metadata[key]': [
    "Value of the key in the transfer's metadata.",
    { kind: 'entry', object: sql`bt.transfer_metadata` },
  ],
  // The trace ID of the automatic payout that swept the row; without one, that of the row's own payout.
  trace_id: [
    'Trace ID of the payout: the reference that the bank assigned.',
    text`case when ap.id is null then po.trace_id else ap.trace_id end`,
  ],
  trace_id_status: [
    'Status of the trace ID: pending, unsupported or supported.',
    text`case when ap.id is null then po.trace_id_status else ap.trace_id_status end`,
  ],
} as const satisfies Record<string, Definition>

/** The columns on the payout of a balance transaction. */
const payoutColumns = {
  payout_id: ['ID of the payout.', text`bt.payout_id`],
  effective_at_utc: ['When the money left the balance or returned to it, in UTC.', utc`bt.effective_at`],
  effective_at: [
    "When the money left the balance or returned to it, in the report's timezone.",
    local`bt.effective_at`,
  ],
  payout_expected_arrival_date: [
    'Date on which the payout is expected to arrive at the bank, in UTC.',
    utc`po.arrival_date`,
  ],
  payout_status: ['Status of the payout: pending, in_transit, paid, canceled or failed.', text`po.status`],
  payout_reversed_at_utc: ['When the payout was canceled or failed, in UTC.', utc`po.reversed_at`],
  payout_reversed_at: [
    "When the payout was canceled or failed, in the report's timezone, or in UTC if the report has no timezone parameter.",
    local`po.reversed_at`,
  ],
  payout_type: ['Type of the destination: bank_account or card.', text`po.type`],
  payout_description: ['Description of the payout.', text`po.description`],
  payout_destination_id: ['ID of the destination bank account or card.', text`po.destination_id`],
} as const satisfies Record<string, Definition>

const dictionary = { ...transactionColumns, ...payoutColumns }
export type LedgerColumnName = keyof typeof dictionary

/** The names of all columns on a balance transaction, in the documented order. */
// Object.keys returns string[]; these strings are exactly the keys of the object.
export const transactionColumnNames = Object.keys(transactionColumns) as (keyof typeof transactionColumns)[]

/**
 * The named columns over `ledgerRows`, in this order; those in `defaults` are the default columns.
 *
 * @param overrides definitions that replace those of the dictionary
 */
export function ledgerColumns(
  names: readonly LedgerColumnName[],
  defaults: readonly LedgerColumnName[],
  overrides: Partial<Record<LedgerColumnName, Definition>> = {},
): ReportColumn[] {
  return names.map((name) => {
    const [description, value] = overrides[name] ?? dictionary[name]
    return { name, description, value, isDefault: defaults.includes(name) }
  })
}

/** The names of the six columns of an address. */
export function addressColumns<Prefix extends string>(prefix: Prefix) {
  return addressParts.map((part) => `${prefix}_${part}` as const)
}

function utc(...value: Tagged): ColumnValue {
  return { kind: 'instant', sql: sql(...value), zone: 'utc' }
}

function address<Prefix extends string>(prefix: Prefix, title: string, object: Sql) {
  return Object.fromEntries(
    addressParts.map((part): [string, Definition] => [
      `${prefix}_${part}`,
      [`${title}: ${part.replace('_', ' ').replace('line', 'line ')}.`, text`(${object} ->> ${part})`],
    ]),
    // Object.fromEntries loses the key types, which the template type restores.
  ) as Record<`${Prefix}_${(typeof addressParts)[number]}`, Definition>
}
