import { addressParts } from '../../ledger/rows.ts'
import type { ColumnValue, ReportColumn } from '../column.ts'
import { type Sql, sql } from '../sql.ts'

/** A column that is written when none are chosen, unless it says otherwise. */
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

/** By default in the settlement currency of `bt`. */
export function amount(value: Sql, currency: Sql = sql`bt.currency`): ColumnValue {
  return { kind: 'amount', sql: value, currency }
}

/** In the timezone of the report. */
export function local(...value: Tagged): ColumnValue {
  return { kind: 'instant', sql: sql(...value), zone: 'report' }
}

/**
 * What each column on a balance transaction means, and where it comes from, in the order in which Stripe documents them.
 * The names are Stripe's.
 */
const transactionColumns = {
  balance_transaction_id: ['Id of the balance transaction.', text`bt.id`],
  created_utc: ['When the balance transaction was created, in UTC.', utc`bt.created`],
  created: ["When the balance transaction was created, in the report's timezone.", local`bt.created`],
  available_on_utc: ['When its net amount becomes available, in UTC.', utc`bt.available_on`],
  available_on: ["When its net amount becomes available, in the report's timezone.", local`bt.available_on`],
  currency: ['Settlement currency of gross, fee and net, in lower case.', text`bt.currency`],
  gross: [
    'Amount before fees, in major units; negative when money leaves the balance.',
    amount(sql`bt.amount`),
  ],
  fee: ['Fees taken from it, in major units; positive when charged.', amount(sql`bt.fee`)],
  net: ['Gross less fee, in major units: what the balance changed by.', amount(sql`bt.net`)],
  reporting_category: ['Kind of balance transaction, for accounting.', text`bt.reporting_category`],
  source_id: [
    'Id of the object behind it: a charge, refund, dispute, payout or transfer.',
    text`bt.source_id`,
  ],
  description: ["The balance transaction's own description.", text`bt.description`],
  customer_facing_amount: [
    'Amount that the payer saw, in major units of customer_facing_currency.',
    amount(sql`bt.customer_facing_amount`, sql`bt.customer_facing_currency`),
  ],
  customer_facing_currency: ['Currency that the payer saw.', text`bt.customer_facing_currency`],
  regulatory_tag: ['Tag that a regulator asks for; Brazil only.', text`bt.regulatory_tag`],
  automatic_payout_id: ['Id of the automatic payout that swept it.', text`bt.automatic_payout_id`],
  automatic_payout_effective_at_utc: ['When that payout left the balance, in UTC.', utc`ap.effective_at`],
  automatic_payout_effective_at: [
    "When that payout left the balance, in the report's timezone; in UTC where the report takes none.",
    local`ap.effective_at`,
  ],
  customer_id: ['Id of the customer.', text`ch.customer_id`],
  customer_email: ['E-mail address of the customer.', text`cu.email`],
  customer_name: ['Name of the customer.', text`cu.name`],
  customer_description: ['Description of the customer.', text`cu.description`],
  ...address('customer_shipping_address', "The customer's shipping address", sql`cu.shipping_address`),
  ...address('customer_address', "The customer's address", sql`cu.address`),
  ...address('shipping_address', "The charge's shipping address", sql`ch.shipping_address`),
  ...address('card_address', "The card's address", sql`ch.card_address`),
  charge_id: ['Id of the charge that it is about.', text`bt.charge_id`],
  payment_intent_id: ['Id of the payment intent.', text`ch.payment_intent_id`],
  charge_created_utc: ['When that charge was made, in UTC.', utc`ch.created`],
  charge_created: ["When that charge was made, in the report's timezone.", local`ch.created`],
  invoice_id: ['Id of the invoice.', text`ch.invoice_id`],
  invoice_number: ['Number of the invoice.', text`ch.invoice_number`],
  subscription_id: ['Id of the subscription.', text`ch.subscription_id`],
  order_id: ['Id of the order.', text`ch.order_id`],
  payment_method_type: ['Kind of payment method.', text`ch.payment_method_type`],
  is_link: ['True when it was paid with Link.', { kind: 'boolean', sql: sql`ch.is_link` }],
  card_brand: ['Brand of the card.', text`ch.card_brand`],
  card_funding: ['Funding of the card: credit, debit, prepaid or unknown.', text`ch.card_funding`],
  card_country: ['Country of the card, two letters.', text`ch.card_country`],
  statement_descriptor: ["What stands on the payer's statement.", text`ch.statement_descriptor`],
  dispute_reason: ['Reason of the dispute.', text`bt.dispute_reason`],
  connected_account_id: ['Id of the connected account.', text`bt.connected_account_id`],
  connected_account_name: ['Name of the connected account.', text`bt.connected_account_name`],
  connected_account_country: ['Country of the connected account.', text`bt.connected_account_country`],
  connected_account_direct_charge_id: [
    'Id of the direct charge on the connected account.',
    text`bt.connected_account_direct_charge_id`,
  ],
  destination_payment_id: [
    'Id of the payment that it became on the account that it was sent to.',
    text`bt.destination_payment_id`,
  ],
  'payment_metadata[key]': [
    "Value of that key in the payment's metadata.",
    { kind: 'entry', object: sql`ch.metadata` },
  ],
  'refund_metadata[key]': [
    "Value of that key in the refund's metadata.",
    { kind: 'entry', object: sql`bt.refund_metadata` },
  ],
  'transfer_metadata[key]': [
    "Value of that key in the transfer's metadata.",
    { kind: 'entry', object: sql`bt.transfer_metadata` },
  ],
  // Of the payout that swept it, also when it is itself one that came back; of a payout that none has swept, its own.
  trace_id: [
    'Reference that the bank gave the payout.',
    text`case when ap.id is null then po.trace_id else ap.trace_id end`,
  ],
  trace_id_status: [
    'State of that reference: pending, unsupported or supported.',
    text`case when ap.id is null then po.trace_id_status else ap.trace_id_status end`,
  ],
} as const satisfies Record<string, Definition>

/** The same of the columns on the payout that a balance transaction is. */
const payoutColumns = {
  payout_id: ['Id of the payout.', text`bt.payout_id`],
  effective_at_utc: ['When the money left the balance, or came back, in UTC.', utc`bt.effective_at`],
  effective_at: [
    "When the money left the balance, or came back, in the report's timezone.",
    local`bt.effective_at`,
  ],
  payout_expected_arrival_date: ['Day on which the bank should have it, in UTC.', utc`po.arrival_date`],
  payout_status: ['State of the payout: pending, in_transit, paid, canceled or failed.', text`po.status`],
  payout_reversed_at_utc: ['When it was canceled or failed, in UTC.', utc`po.reversed_at`],
  payout_reversed_at: [
    "When it was canceled or failed, in the report's timezone; in UTC where the report takes none.",
    local`po.reversed_at`,
  ],
  payout_type: ['Where it goes: bank_account or card.', text`po.type`],
  payout_description: ["The payout's description.", text`po.description`],
  payout_destination_id: ['Id of the bank account or card.', text`po.destination_id`],
} as const satisfies Record<string, Definition>

const dictionary = { ...transactionColumns, ...payoutColumns }
export type LedgerColumnName = keyof typeof dictionary

/** The names of all columns on a balance transaction, in the documented order. */
// Object.keys gives the keys of the object, and the type of a name is no other.
export const transactionColumnNames = Object.keys(transactionColumns) as (keyof typeof transactionColumns)[]

/**
 * The named columns over `ledgerRows`, in this order; those in `defaults` are written when none are chosen.
 *
 * @param overrides values that a report takes from elsewhere
 */
export function ledgerColumns(
  names: readonly LedgerColumnName[],
  defaults: readonly LedgerColumnName[],
  overrides: Partial<Record<LedgerColumnName, ColumnValue>> = {},
): ReportColumn[] {
  return names.map((name) => {
    const [description, value] = dictionary[name]
    return { name, description, value: overrides[name] ?? value, isDefault: defaults.includes(name) }
  })
}

/** The six columns of an address, by the prefix of their names. */
export function addressColumns<Prefix extends string>(prefix: Prefix) {
  return addressParts.map((part) => `${prefix}_${part}` as const)
}

function utc(...value: Tagged): ColumnValue {
  return { kind: 'instant', sql: sql(...value), zone: 'utc' }
}

function address<Prefix extends string>(prefix: Prefix, whose: string, object: Sql) {
  return Object.fromEntries(
    addressParts.map((part): [string, Definition] => [
      `${prefix}_${part}`,
      [`${whose}: ${part.replace('_', ' ')}.`, text`(${object} ->> ${part})`],
    ]),
    // Object.fromEntries forgets the keys, which the template spells out.
  ) as Record<`${Prefix}_${(typeof addressParts)[number]}`, Definition>
}
