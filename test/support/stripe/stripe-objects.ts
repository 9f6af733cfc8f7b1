import type { StripeObject } from './fake-stripe.ts'

/** Converts a time into seconds, as in the API. */
export function at(time: string): number {
  return Date.parse(time) / 1000
}

type Fields = Record<string, unknown>

export function object(kind: string, id: string, time: string, fields: Fields): StripeObject {
  return {
    id,
    object: kind,
    created: at(time),
    metadata: {},
    ...fields,
  }
}

/** Returns a balance transaction of the object `source`. Money is currency, amount and fee in minor units. */
export function transaction(
  id: string,
  source: string | null,
  time: string,
  [currency, amount, fee]: [string, number, number],
  [type, reporting_category]: [string, string],
  fields: Fields = {},
): StripeObject {
  return object('balance_transaction', id, time, {
    source,
    currency,
    amount,
    fee,
    net: amount - fee,
    fee_details: [],
    available_on: at(time) + 2 * 86_400,
    description: null,
    type,
    reporting_category,
    ...fields,
  })
}

const noAddress = { line1: null, line2: null, city: null, state: null, postal_code: null, country: null }

export function charge(
  id: string,
  time: string,
  [currency, amount]: [string, number],
  fields: Fields = {},
): StripeObject {
  return object('charge', id, time, {
    currency,
    amount,
    billing_details: { address: noAddress },
    customer: null,
    payment_intent: null,
    payment_method_details: null,
    shipping: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    transfer_data: null,
    ...fields,
  })
}

/** Returns an automatic, paid payout; `fields` override that. Its balance transaction has the id `txn_${id}`. */
export function payout(
  id: string,
  time: string,
  [currency, amount]: [string, number],
  fields: Fields & { arrival_date: number },
): StripeObject {
  return object('payout', id, time, {
    currency,
    amount,
    automatic: true,
    balance_transaction: `txn_${id}`,
    description: 'STRIPE PAYOUT',
    destination: 'ba_1',
    failure_balance_transaction: null,
    reconciliation_status: 'completed',
    statement_descriptor: 'ACORN',
    status: 'paid',
    trace_id: null,
    type: 'bank_account',
    ...fields,
  })
}
