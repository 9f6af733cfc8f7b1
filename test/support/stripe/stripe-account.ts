import type { FakeStripe, StripeObject } from './fake-stripe.ts'
import { at, charge, object, payout, transaction } from './stripe-objects.ts'

export const hillRoad = {
  line1: '1 Hill Road',
  line2: null,
  city: 'Århus',
  state: null,
  postal_code: '8000',
  country: 'DK',
}

const sales: StripeObject[] = [
  object('customer', 'cus_1', '2026-01-01T00:00:00Z', {
    email: 'a@example.com',
    name: 'Ada',
    description: 'Says "hi"',
    address: hillRoad,
    shipping: null,
  }),
  object('payment_intent', 'pi_1', '2026-03-01T09:59:00Z', {
    latest_charge: 'ch_1',
    metadata: { order_id: '6735' },
    payment_details: { customer_reference: null, order_reference: 'AO-1' },
  }),
  charge('ch_1', '2026-03-01T10:00:00Z', ['jpy', 3700], {
    customer: 'cus_1',
    payment_intent: 'pi_1',
    metadata: { channel: 'web' },
    billing_details: { address: hillRoad },
    payment_method_details: {
      type: 'card',
      card: { brand: 'visa', funding: 'credit', country: 'DK', wallet: { type: 'link' } },
    },
    shipping: { address: hillRoad },
    statement_descriptor_suffix: 'AO 1',
  }),
  transaction('txn_sale', 'ch_1', '2026-03-01T10:00:01Z', ['usd', 2500, 103], ['charge', 'charge'], {
    description: 'Order\r\n"AO-1"',
    fee_details: [
      { type: 'stripe_fee', amount: 93, currency: 'usd', description: 'Processing', application: null },
      { type: 'application_fee', amount: 10, currency: 'usd', description: null, application: 'ca_1' },
    ],
  }),
  // Created long before it was paid.
  object('invoice', 'in_1', '2026-02-10T00:00:00Z', {
    number: 'AO-0001',
    parent: { type: 'subscription_details', subscription_details: { subscription: 'sub_1' } },
  }),
  object('invoice_payment', 'inpay_1', '2026-02-10T00:00:00Z', {
    status: 'paid',
    invoice: 'in_1',
    payment: { type: 'payment_intent', payment_intent: 'pi_1' },
  }),
  charge('py_2', '2026-03-02T10:00:00Z', ['jpy', 500], {
    payment_method_details: { type: 'konbini', konbini: {} },
    presentment_details: { presentment_amount: 310, presentment_currency: 'eur' },
  }),
  transaction('txn_konbini', 'py_2', '2026-03-02T10:00:00Z', ['jpy', 500, 18], ['payment', 'charge']),
]

const reversals: StripeObject[] = [
  object('refund', 're_1', '2026-03-02T12:00:00Z', {
    amount: 1000,
    currency: 'jpy',
    charge: 'ch_1',
    payment_intent: 'pi_1',
    metadata: { reason: 'dent' },
  }),
  transaction('txn_refund', 're_1', '2026-03-02T12:00:00Z', ['usd', -676, 0], ['refund', 'refund']),
  object('dispute', 'dp_1', '2026-03-03T12:00:00Z', {
    amount: 500,
    currency: 'jpy',
    charge: 'py_2',
    reason: 'fraudulent',
  }),
  transaction('txn_dispute', 'dp_1', '2026-03-03T12:00:00Z', ['jpy', -500, 1500], ['adjustment', 'dispute']),
]

const payouts: StripeObject[] = [
  payout('po_auto', '2026-03-04T02:00:00Z', ['usd', 1721], {
    arrival_date: at('2026-03-06T00:00:00Z'),
    trace_id: { status: 'supported', value: '0123' },
  }),
  transaction('txn_po_auto', 'po_auto', '2026-03-04T02:00:00Z', ['usd', -1721, 0], ['payout', 'payout']),
  payout('po_manual', '2026-03-05T14:00:00Z', ['eur', 200], {
    arrival_date: at('2026-03-05T14:30:00Z'),
    automatic: false,
    destination: 'card_1',
    failure_balance_transaction: 'txn_back',
    reconciliation_status: 'not_applicable',
    status: 'failed',
    trace_id: { status: 'unsupported', value: null },
    type: 'card',
  }),
  transaction('txn_po_manual', 'po_manual', '2026-03-05T14:00:00Z', ['eur', -200, 2], ['payout', 'payout']),
  transaction(
    'txn_back',
    'po_manual',
    '2026-03-07T09:00:00Z',
    ['eur', 200, 0],
    ['payout_failure', 'payout_reversal'],
  ),
]

const connect: StripeObject[] = [
  object('account', 'acct_seller', '2026-01-01T00:00:00Z', {
    country: 'FR',
    business_profile: { name: 'Seller' },
  }),
  object('transfer', 'tr_1', '2026-03-08T10:00:00Z', {
    destination: 'acct_seller',
    destination_payment: 'py_seller',
    metadata: { batch: '7' },
  }),
  transaction('txn_transfer', 'tr_1', '2026-03-08T10:00:00Z', ['eur', -900, 0], ['transfer', 'transfer']),
  object('transfer_reversal', 'trr_1', '2026-03-08T11:00:00Z', { transfer: 'tr_1' }),
  transaction(
    'txn_transfer_back',
    'trr_1',
    '2026-03-08T11:00:00Z',
    ['eur', 900, 0],
    ['transfer_refund', 'transfer_reversal'],
  ),
  object('application_fee', 'fee_1', '2026-03-08T12:00:00Z', {
    account: 'acct_seller',
    charge: 'ch_direct',
    originating_transaction: null,
  }),
  transaction(
    'txn_earning',
    'fee_1',
    '2026-03-08T12:00:00Z',
    ['eur', 50, 0],
    ['application_fee', 'platform_earning'],
  ),
  transaction('txn_fee', null, '2026-03-09T00:00:00Z', ['usd', -500, 95], ['stripe_fee', 'fee'], {
    fee_details: [{ type: 'tax', amount: 95, currency: 'usd', description: 'VAT', application: null }],
  }),
]

/** The time of the syncs in the tests, after the last row. */
export const syncTime = new Date('2026-03-20T12:00:00Z')

/** Adds rows of each kind from March 1 to March 9. */
export function fillAccount(fake: FakeStripe): void {
  for (const item of [...sales, ...reversals, ...payouts, ...connect]) fake.objects.set(item.id, item)
  fake.swept.set('po_auto', ['txn_sale', 'txn_refund', 'txn_po_auto'])
}

/** Adds `count` sales of one dollar at intervals of `seconds`. Returns the ids of their balance transactions. */
export function addSales(fake: FakeStripe, start: string, count: number, seconds: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const number = String(index).padStart(5, '0')
    const time = new Date(Date.parse(start) + index * seconds * 1000).toISOString()
    const sale = charge(`ch_${start}_${number}`, time, ['usd', 100])
    const row = transaction(`txn_${start}_${number}`, sale.id, time, ['usd', 100, 3], ['charge', 'charge'])
    for (const item of [sale, row]) fake.objects.set(item.id, item)
    return row.id
  })
}
