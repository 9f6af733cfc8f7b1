import { hillRoad } from './stripe-account.ts'

type Row = { id: string; [column: string]: unknown }

function time(text: string): Date {
  return new Date(text)
}

function transaction(
  id: string,
  created: string,
  source_id: string | null,
  [currency, amount, fee]: [string, number, number],
  [type, reporting_category]: [string, string],
  columns: Record<string, unknown> = {},
): Row {
  return {
    id,
    type,
    reporting_category,
    is_category_given: true,
    currency,
    // pg returns bigint as text.
    amount: String(amount),
    fee: String(fee),
    net: String(amount - fee),
    created: time(created),
    available_on: new Date(Date.parse(created) + 2 * 86_400_000),
    effective_at: time(created),
    description: null,
    source_id,
    charge_id: null,
    payout_id: null,
    automatic_payout_id: null,
    destination_payment_id: null,
    customer_facing_amount: null,
    customer_facing_currency: null,
    regulatory_tag: null,
    dispute_reason: null,
    refund_metadata: null,
    transfer_metadata: null,
    connected_account_id: null,
    connected_account_name: null,
    connected_account_country: null,
    connected_account_direct_charge_id: null,
    ...columns,
  }
}

function facing(amount: number, currency: string) {
  return {
    customer_facing_amount: String(amount),
    customer_facing_currency: currency,
  }
}

const seller = {
  connected_account_id: 'acct_seller',
  connected_account_name: 'Seller',
  connected_account_country: 'FR',
}
const transfer = { ...seller, destination_payment_id: 'py_seller', transfer_metadata: { batch: '7' } }

const balance_transactions: Row[] = [
  transaction('txn_sale', '2026-03-01T10:00:01Z', 'ch_1', ['usd', 2500, 103], ['charge', 'charge'], {
    ...facing(3700, 'jpy'),
    description: 'Order\r\n"AO-1"',
    charge_id: 'ch_1',
    automatic_payout_id: 'po_auto',
  }),
  transaction('txn_konbini', '2026-03-02T10:00:00Z', 'py_2', ['jpy', 500, 18], ['payment', 'charge'], {
    ...facing(310, 'eur'),
    charge_id: 'py_2',
  }),
  transaction('txn_refund', '2026-03-02T12:00:00Z', 're_1', ['usd', -676, 0], ['refund', 'refund'], {
    ...facing(-1000, 'jpy'),
    charge_id: 'ch_1',
    automatic_payout_id: 'po_auto',
    refund_metadata: { reason: 'dent' },
  }),
  transaction('txn_dispute', '2026-03-03T12:00:00Z', 'dp_1', ['jpy', -500, 1500], ['adjustment', 'dispute'], {
    ...facing(-500, 'jpy'),
    charge_id: 'py_2',
    dispute_reason: 'fraudulent',
  }),
  // An automatic payout leaves the balance at its arrival. Manual payouts and reversals are effective immediately.
  transaction('txn_po_auto', '2026-03-04T02:00:00Z', 'po_auto', ['usd', -1721, 0], ['payout', 'payout'], {
    payout_id: 'po_auto',
    effective_at: time('2026-03-06T00:00:00Z'),
  }),
  transaction('txn_po_manual', '2026-03-05T14:00:00Z', 'po_manual', ['eur', -200, 2], ['payout', 'payout'], {
    payout_id: 'po_manual',
  }),
  transaction(
    'txn_back',
    '2026-03-07T09:00:00Z',
    'po_manual',
    ['eur', 200, 0],
    ['payout_failure', 'payout_reversal'],
    { payout_id: 'po_manual' },
  ),
  transaction(
    'txn_transfer',
    '2026-03-08T10:00:00Z',
    'tr_1',
    ['eur', -900, 0],
    ['transfer', 'transfer'],
    transfer,
  ),
  transaction(
    'txn_transfer_back',
    '2026-03-08T11:00:00Z',
    'trr_1',
    ['eur', 900, 0],
    ['transfer_refund', 'transfer_reversal'],
    transfer,
  ),
  transaction(
    'txn_earning',
    '2026-03-08T12:00:00Z',
    'fee_1',
    ['eur', 50, 0],
    ['application_fee', 'platform_earning'],
    { ...seller, connected_account_direct_charge_id: 'ch_direct' },
  ),
  transaction('txn_fee', '2026-03-09T00:00:00Z', null, ['usd', -500, 95], ['stripe_fee', 'fee']),
]

const charges: Row[] = [
  {
    id: 'ch_1',
    created: time('2026-03-01T10:00:00Z'),
    payment_intent_id: 'pi_1',
    customer_id: 'cus_1',
    invoice_id: 'in_1',
    invoice_number: 'AO-0001',
    subscription_id: 'sub_1',
    order_id: 'AO-1',
    payment_method_type: 'card',
    is_link: true,
    card_brand: 'visa',
    card_funding: 'credit',
    card_country: 'DK',
    statement_descriptor: 'AO 1',
    shipping_address: hillRoad,
    card_address: hillRoad,
    metadata: { channel: 'web', order_id: '6735' },
  },
  {
    id: 'py_2',
    created: time('2026-03-02T10:00:00Z'),
    payment_intent_id: null,
    customer_id: null,
    invoice_id: null,
    invoice_number: null,
    subscription_id: null,
    order_id: null,
    payment_method_type: 'konbini',
    is_link: false,
    card_brand: null,
    card_funding: null,
    card_country: null,
    statement_descriptor: null,
    shipping_address: null,
    card_address: null,
    metadata: null,
  },
]

const payouts: Row[] = [
  {
    id: 'po_auto',
    amount: '1721',
    currency: 'usd',
    created: time('2026-03-04T02:00:00Z'),
    arrival_date: time('2026-03-06T00:00:00Z'),
    effective_at: time('2026-03-06T00:00:00Z'),
    is_automatic: true,
    status: 'paid',
    type: 'bank_account',
    description: 'STRIPE PAYOUT',
    destination_id: 'ba_1',
    reversed_at: null,
    trace_id: '0123',
    trace_id_status: 'supported',
    statement_descriptor: 'ACORN',
  },
  {
    id: 'po_manual',
    amount: '200',
    currency: 'eur',
    created: time('2026-03-05T14:00:00Z'),
    arrival_date: time('2026-03-05T14:30:00Z'),
    effective_at: time('2026-03-05T14:00:00Z'),
    is_automatic: false,
    status: 'failed',
    type: 'card',
    description: 'STRIPE PAYOUT',
    destination_id: 'card_1',
    reversed_at: time('2026-03-07T09:00:00Z'),
    trace_id: null,
    trace_id_status: 'unsupported',
    statement_descriptor: 'ACORN',
  },
]

const customers: Row[] = [
  {
    id: 'cus_1',
    email: 'a@example.com',
    name: 'Ada',
    description: 'Says "hi"',
    address: hillRoad,
    shipping_address: null,
  },
]

function fee(
  balance_transaction_id: string,
  position: number,
  [type, amount]: [string, number],
  description: string | null,
  application: string | null,
) {
  return {
    balance_transaction_id,
    position,
    type,
    amount: String(amount),
    currency: 'usd',
    description,
    application,
  }
}

const fee_details = [
  fee('txn_fee', 0, ['tax', 95], 'VAT', null),
  fee('txn_sale', 0, ['stripe_fee', 93], 'Processing', null),
  fee('txn_sale', 1, ['application_fee', 10], null, 'ca_1'),
]

/** The expected rows of the account from `fillAccount`, by table and in order of id, without account and mode. */
export const expectedLedger: Record<string, readonly Record<string, unknown>[]> = {
  balance_transactions: balance_transactions.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  charges,
  payouts,
  customers,
  fee_details,
}
