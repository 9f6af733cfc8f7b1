import type { TestDatabase } from './database.ts'

type Owner = { accountId: string; livemode: boolean }
type Fields = Record<string, string | boolean | null>

function insertInto(database: TestDatabase) {
  return async (table: string, owner: Owner, fields: Fields): Promise<void> => {
    const row: Fields = { account_id: owner.accountId, livemode: owner.livemode, ...fields }
    const placeholders = Object.keys(row).map((_, i) => `$${i + 1}`)
    await database.query(
      `insert into ${table} (${Object.keys(row).join(', ')}) values (${placeholders.join(', ')})`,
      Object.values(row),
    )
  }
}

/** Returns a balance transaction. Amounts are minor units as text, because some are too large for a number. */
function transaction(
  id: string,
  at: string,
  category: string,
  [amount, fee, net]: [string, string, string],
  currency: string,
  more: Fields = {},
): Fields {
  return {
    id,
    type: category,
    reporting_category: category,
    currency,
    amount,
    fee,
    net,
    created: at,
    available_on: at,
    effective_at: at,
    ...more,
  }
}

function payout(id: string, amount: string, created: string, arrival: string, more: Fields = {}): Fields {
  return {
    id,
    amount,
    currency: 'usd',
    created,
    arrival_date: arrival,
    effective_at: arrival,
    is_automatic: true,
    status: 'paid',
    type: 'bank_account',
    ...more,
  }
}

export const marchStart = '2026-03-01T00:00:00Z'
export const marchEnd = '2026-04-01T00:00:00Z'

/** The edge cases of March. The first and the last two rows belong to other months. */
const marchTransactions: Fields[] = [
  // The last second of February: only in the starting balance.
  transaction('txn_before', '2026-02-28T23:59:59Z', 'charge', ['10000', '320', '9680'], 'usd'),
  // Exactly at the start: inside.
  transaction('txn_on_start', marchStart, 'charge', ['2500', '103', '2397'], 'usd', {
    description: 'He said "go, now"\r\nthen left 🚪',
    source_id: 'ch_1',
    charge_id: 'ch_1',
    automatic_payout_id: 'po_inside',
    customer_facing_amount: '3700',
    customer_facing_currency: 'jpy',
  }),
  // Three decimals.
  transaction('txn_dinar', '2026-03-02T10:00:00Z', 'charge', ['1234', '5', '1229'], 'kwd', {
    description: '',
    charge_id: 'ch_2',
    customer_facing_amount: '1234',
    customer_facing_currency: 'kwd',
  }),
  // No decimals.
  transaction('txn_yen', '2026-03-03T10:00:00Z', 'charge', ['500', '18', '482'], 'jpy', {
    description: '=1+1',
  }),
  // A refund that returns its fee.
  transaction('txn_refund', '2026-03-04T10:00:00Z', 'refund', ['-1000', '-30', '-970'], 'usd', {
    description: '-10% for the dent',
    source_id: 're_1',
    charge_id: 'ch_1',
    refund_metadata: JSON.stringify({ reason: '+dent' }),
  }),
  // Zero in all amounts.
  transaction('txn_zero', '2026-03-05T10:00:00Z', 'other_adjustment', ['0', '0', '0'], 'usd', {
    description: null,
  }),
  // Not exact as a double: 2^53 + 1.
  transaction(
    'txn_huge',
    '2026-03-29T00:59:59Z',
    'charge',
    ['9007199254740993', '1', '9007199254740992'],
    'eur',
  ),
  // The next second, when daylight saving time starts in Berlin.
  transaction('txn_spring', '2026-03-29T01:00:00Z', 'fee', ['-5', '0', '-5'], 'eur', {
    description: '@ops: "," , \\N and \\.',
  }),
  // Created in February, left the balance in March, returned in March.
  transaction('txn_payout', '2026-02-27T08:00:00Z', 'payout', ['-5000', '25', '-5025'], 'usd', {
    effective_at: '2026-03-02T00:00:00Z',
    description: 'STRIPE PAYOUT',
    payout_id: 'po_inside',
  }),
  transaction('txn_back', '2026-03-06T09:30:00Z', 'payout_reversal', ['5000', '0', '5000'], 'usd', {
    payout_id: 'po_inside',
  }),
  // Created in March, leaves the balance in April.
  transaction('txn_late_payout', '2026-03-30T08:00:00Z', 'payout', ['-7000', '0', '-7000'], 'usd', {
    effective_at: '2026-04-02T00:00:00Z',
    payout_id: 'po_outside',
  }),
  // Exactly at the end: outside.
  transaction('txn_on_end', marchEnd, 'charge', ['777', '7', '770'], 'usd'),
]

/** Writes the March ledger of the owner, and rows with the same ids for other tenants, which must never mix with it. */
export async function writeMarchLedger(
  database: TestDatabase,
  owner: Owner,
  others: readonly Owner[],
): Promise<void> {
  const insert = insertInto(database)
  const coverage = {
    available_from: '2026-02-01T00:00:00Z',
    available_until: '2026-05-01T00:00:00Z',
    updated_at: marchEnd,
  }
  await insert('ledger_coverage', owner, coverage)
  for (const row of marchTransactions) await insert('balance_transactions', owner, row)
  await insert('customers', owner, {
    id: 'cus_1',
    email: 'a@example.com',
    name: '=cmd()',
    description: 'Says "hi", often',
    address: JSON.stringify({ line1: '+1 Hill Road', city: 'Århus', postal_code: '' }),
  })
  await insert('charges', owner, {
    id: 'ch_1',
    created: marchStart,
    customer_id: 'cus_1',
    card_brand: 'visa',
    is_link: false,
    metadata: JSON.stringify({ order_id: '6735', empty: '', 'a"b': '\t=2+2', weird: null }),
  })
  await insert('charges', owner, { id: 'ch_2', created: '2026-03-02T10:00:00Z', is_link: true })
  await insert('payouts', owner, {
    ...payout('po_inside', '5000', '2026-02-27T08:00:00Z', '2026-03-02T00:00:00Z'),
    status: 'failed',
    reversed_at: '2026-03-06T09:30:00Z',
    destination_id: 'ba_1',
    trace_id: '00123',
    trace_id_status: 'supported',
  })
  await insert(
    'payouts',
    owner,
    payout('po_outside', '7000', '2026-03-30T08:00:00Z', '2026-04-02T00:00:00Z', { status: 'in_transit' }),
  )
  for (const other of others) {
    await insert('ledger_coverage', other, coverage)
    await insert(
      'balance_transactions',
      other,
      transaction('txn_on_start', marchStart, 'charge', ['666', '6', '660'], 'usd', { charge_id: 'ch_1' }),
    )
    await insert('charges', other, { id: 'ch_1', created: marchStart, customer_id: 'cus_1' })
    await insert('customers', other, { id: 'cus_1', name: 'Somebody else' })
  }
}
