import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type ImportedLedger, openImportedLedger } from '../../support/imported-ledger.ts'
import { activity, history, payouts, reconciliation } from '../../support/small-exports.ts'

let ledger: ImportedLedger
beforeAll(async () => {
  ledger = await openImportedLedger()
})
afterAll(() => ledger[Symbol.asyncDispose]())
beforeEach(() => ledger.newAccount())

describe('the itemized reports', () => {
  test.each([
    ['effective_at_utc,payout_reversed_at', '2026-06-17T08:00:12+00:00', []],
    ['effective_at_utc,payout_reversed_at_utc', '2026-06-17T08:00:12+00:00', []],
    ['effective_at,payout_reversed_at', '2026-06-17T06:00:12+00:00', ['effective_at', 'payout_reversed_at']],
  ])('of payouts are read in the timezone of their version (%s)', async (times, at, localTimes) => {
    const text = `payout_id,balance_transaction_id,currency,gross,fee,net,reporting_category,${times}
po_1,txn_1,usd,1.00,0.00,1.00,payout,2026-06-17 08:00:12,2026-06-17 08:00:12`
    const result = await ledger.load(text, { timezone: 'Europe/Berlin' })
    expect(result.localTimes).toEqual(localTimes)
    expect(await ledger.rowsOf('payouts')).toMatchObject([{ reversed_at: at }])
  })

  test('complete the balance history, in any order of the imports', async () => {
    const states = []
    const [settled, swept] = [payouts, reconciliation].map((csv) =>
      csv.replaceAll('2026-09-06', '2026-09-05'),
    )
    for (const order of [
      [history, activity, settled, swept],
      [swept, settled, activity, history],
    ]) {
      ledger.owner = { ...ledger.owner, accountId: `${ledger.owner.accountId}_again` }
      for (const content of order)
        await ledger.load(content ?? '', {
          declared: { from: new Date('2026-09-01'), until: new Date('2026-10-01') },
        })
      states.push({
        transactions: await ledger.rowsOf('balance_transactions'),
        charges: await ledger.rowsOf('charges'),
        customers: await ledger.rowsOf('customers'),
        payouts: await ledger.rowsOf('payouts'),
      })
    }
    const [state, backwards] = states
    expect(backwards).toEqual(state)
    expect(state?.transactions.slice(0, 4)).toMatchObject([
      {
        type: 'charge',
        created: '2026-09-01T10:00:07+00:00',
        effective_at: '2026-09-01T10:00:07+00:00',
        automatic_payout_id: 'po_1',
      },
      { id: 'txn_2' },
      // The category of the activity report replaces the one that was derived from the type.
      { id: 'txn_3', type: 'adjustment', reporting_category: 'dispute_reversal' },
      { id: 'txn_4', amount: -5680, net: -5680 },
    ])
    expect(state?.charges).toEqual([
      {
        id: 'ch_1',
        customer_id: 'cus_1',
        card_brand: 'visa',
        is_link: true,
        metadata: { order: '17', 'a b': 'x' },
      },
    ])
    expect(state?.customers).toMatchObject([
      { id: 'cus_1', email: 'a@example.com', address: { city: 'Oslo' } },
    ])
    expect(state?.payouts).toMatchObject([
      { id: 'po_1', amount: 5680, status: 'paid', trace_id: 'TRACE', is_automatic: true },
      { id: 'po_2' },
      { id: 'po_3', amount: 4000, status: 'failed', effective_at: '2026-09-07T09:30:00+00:00' },
    ])
    expect(state?.transactions.slice(-2)).toMatchObject([
      { id: 'txn_8', amount: -4000, fee: 50, net: -4050, payout_id: 'po_3' },
      { id: 'txn_9', amount: 4000, net: 4000, reporting_category: 'payout_reversal' },
    ])
  })

  test('a payout is not swept into itself, whether or not its row has a source', async () => {
    const swept = async () =>
      (await ledger.rowsOf('balance_transactions')).map((row) => [
        row.id,
        row.payout_id,
        row.automatic_payout_id,
      ])
    const times = '2026-09-06 00:00:00,txn_4,2026-09-03 01:00:00'
    const own = `po_1,${times},usd,-96.80,0.00,-96.80,payout,,`
    const expected = [
      ['txn_1', undefined, 'po_1'],
      ['txn_4', 'po_1', undefined],
    ]
    await ledger.load(`${reconciliation}\n${own}`)
    expect(await swept()).toEqual(expected)
    ledger.newAccount()
    const columns = 'id,Type,Amount,Net,Currency,Created (UTC),Transfer,Transfer Date (UTC)'
    const left = '2026-09-01 10:00,po_1,2026-09-06 00:00'
    await ledger.load(
      `${columns}\ntxn_1,charge,96.80,96.80,usd,${left}\ntxn_4,payout,-96.80,-96.80,usd,${left}`,
    )
    expect(await swept()).toEqual(expected)
  })

  test('an address keeps the parts without columns in a file, and loses the parts with empty cells', async () => {
    const address = async () => (await ledger.rowsOf('charges'))[0]?.shipping_address
    const columns = 'balance_transaction_id,created_utc,currency,gross,net,reporting_category,charge_id'
    const row = 'txn_1,2026-09-01 10:00:00,usd,1.00,1.00,charge,ch_1'
    const parts = ['line1', 'line2', 'city', 'state', 'postal_code', 'country']
    const whole = parts.map((part) => `shipping_address_${part}`).join(',')
    await ledger.load(`${columns},${whole}\n${row},Torggata 1,4th floor,Oslo,,0181,NO`)
    const country = `${columns},shipping_address_country`
    await ledger.load(`${country}\n${row},NO\n${row},SE`)
    const moved = {
      line1: 'Torggata 1',
      line2: '4th floor',
      city: 'Oslo',
      postal_code: '0181',
      country: 'SE',
    }
    expect(await address()).toEqual(moved)
    await ledger.load(`${country}\n${row},`)
    expect(await address()).toEqual(moved)
    await ledger.load(`${columns},${whole}\n${row},Bredgade 2,,Aarhus,,8000,DK`)
    expect(await address()).toEqual({
      line1: 'Bredgade 2',
      city: 'Aarhus',
      postal_code: '8000',
      country: 'DK',
    })
  })

  test('a payout moves to the time at which it left, from its own report or from the rows that it swept', async () => {
    const payout = `id,Type,Source,Amount,Fee,Net,Currency,Created (UTC),Available On (UTC)
txn_4,payout,po_1,-56.80,0.00,-56.80,usd,2026-09-03 01:00,2026-09-04 00:00`
    const at = async () =>
      (await ledger.rowsOf('balance_transactions')).find(({ id }) => id === 'txn_4')?.effective_at
    await ledger.load(payout)
    expect(await at()).toBe('2026-09-04T00:00:00+00:00')
    await ledger.load(reconciliation)
    expect(await at()).toBe('2026-09-06T00:00:00+00:00')
    await ledger.load(payout)
    expect(await at()).toBe('2026-09-06T00:00:00+00:00')
  })

  test.each([
    [
      'the balance history',
      'id,Type,Amount,Net,Currency,Created (UTC),Customer Facing Amount,Customer Facing Currency',
    ],
    [
      'an itemized report',
      'balance_transaction_id,reporting_category,gross,net,currency,created_utc,customer_facing_amount,customer_facing_currency',
    ],
  ])('the customer facing currency can be in upper case: %s', async (_, header) => {
    await ledger.load(`${header}\ntxn_1,charge,10.00,10.00,USD,2026-09-01 10:00,1500,JPY `)
    expect(await ledger.rowsOf('balance_transactions')).toMatchObject([
      { currency: 'usd', customer_facing_amount: 1500, customer_facing_currency: 'jpy' },
    ])
  })

  test.each([
    ['-40.00', '-0.50', '-39.50', 50],
    ['-40.00', '0.50', '-40.50', -50],
    ['-40.00', '-0.50', '-40.50', -50],
  ])('a returned payout with %s, %s and %s has its fee', async (gross, fee, net, expected) => {
    const [header] = payouts.split('\n')
    await ledger.load(
      `${header}\npo_3,2026-09-09 00:00:00,usd,${gross},${fee},${net},payout_reversal,txn_9,,2026-09-08,failed`,
    )
    expect(await ledger.rowsOf('balance_transactions')).toMatchObject([
      { amount: 4000, fee: expected, net: 4000 - expected },
    ])
  })

  test.each(['19.80', '20.20'])(
    'a payout with a fee has the net amount that arrives, or that leaves the balance: %s',
    async (net) => {
      const [header] = payouts.split('\n')
      await ledger.load(
        `${header}\npo_1,2026-09-05 00:00:00,usd,20.00,0.20,${net},payout,txn_4,,2026-09-05,paid`,
      )
      expect(await ledger.rowsOf('balance_transactions')).toMatchObject([
        { amount: -2000, fee: 20, net: -2020 },
      ])
    },
  )

  test.each([
    ['payout', '-56.80'],
    ['payout_reversal', '56.80'],
  ])('a %s of %s can be a debit of the bank account, and is rejected', async (category, gross) => {
    const [header] = payouts.split('\n')
    await expect(
      ledger.load(
        `${header}\npo_1,2026-09-05 00:00:00,usd,${gross},0.00,${gross},${category},txn_4,,2026-09-05,paid`,
      ),
    ).rejects.toThrow(
      `:2: gross "${gross}" has the wrong sign: in this report, a payout is positive and a returned payout is negative. A debit of the bank account looks the same as a lost sign: if it is one, import from the API with --stripe; otherwise, export the file again.`,
    )
  })

  test('local times are in the given timezone, unless a column is in UTC', async () => {
    const content = `balance_transaction_id,created,available_on_utc,currency,gross,fee,reporting_category
txn_1,2026-03-08 01:30:00,2026-03-10 00:00:00,usd,1.00,0.00,charge
txn_2,2026-03-08 03:30:00,2026-03-10T00:00:00-08:00,usd,1.00,0.00,charge`
    const { span } = await ledger.load(content, { timezone: 'America/New_York' })
    expect(await ledger.rowsOf('balance_transactions')).toMatchObject([
      { created: '2026-03-08T06:30:00+00:00', available_on: '2026-03-10T00:00:00+00:00' },
      { created: '2026-03-08T07:30:00+00:00', available_on: '2026-03-10T08:00:00+00:00' },
    ])
    expect(span).toEqual({ from: new Date('2026-03-08T05:00:00Z'), until: new Date('2026-03-09T04:00:00Z') })
  })
})
