import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import Papa from 'papaparse'
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createConnection } from '../src/database/client.ts'
import { coverTogether } from '../src/ledger/import/cover-together.ts'
import { type ImportOptions, importFile } from '../src/ledger/import/import-file.ts'
import { createTestDatabase, type TestDatabase } from './database.ts'

let database: TestDatabase
let client: pg.Client
let folder: string
beforeAll(async () => {
  database = await createTestDatabase()
  client = createConnection(database.url, 'test')
  await client.connect()
  folder = await mkdtemp(join(tmpdir(), 'report-gateway-import-'))
})
afterAll(async () => {
  await client.end()
  await database[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

let accounts = 0
let owner = { accountId: 'acct_0', livemode: false }
beforeEach(() => {
  owner = { accountId: `acct_${++accounts}`, livemode: false }
})

let files = 0
/** Imports a text, or bytes, as a file of its own, written when all of its days were over. */
const load = async (content: string | Buffer, options: Partial<ImportOptions> = {}) => {
  const path = join(folder, `${++files}.csv`)
  await writeFile(path, content)
  await utimes(path, new Date(), new Date('2026-11-20T12:00:00Z'))
  const result = await importFile(client, owner, path, {
    timezone: 'UTC',
    declared: { from: null, until: null },
    isPart: false,
    skipBad: false,
    now: new Date('2026-11-22T00:00:00Z'),
    onProgress: () => {},
    signal: new AbortController().signal,
    ...options,
  })
  return { path, ...result }
}

/** The rows of a table that belong to the account, by id; without what is null. */
const rowsOf = async (table: string) => {
  const { rows } = await client.query(
    `select jsonb_strip_nulls(to_jsonb(t)) - 'account_id' - 'livemode' as row from ${table} t
     where account_id = $1 order by to_jsonb(t) ->> 'id' collate "C"`,
    [owner.accountId],
  )
  return rows.map(({ row }) => row)
}

const coverage = async () => {
  const { rows } = await client.query(
    'select available_from, available_until from ledger_coverage where account_id = $1',
    [owner.accountId],
  )
  return rows.map((row) => [row.available_from.toISOString(), row.available_until.toISOString()])[0] ?? null
}

const history = [
  'id,Type,Source,Amount,Fee,Destination Platform Fee,Destination Platform Fee Currency,Net,Currency,Created (UTC),Available On (UTC),Description,Customer Facing Amount,Customer Facing Currency,Transfer,Transfer Date (UTC),Transfer Group,order (metadata)',
  'txn_1,charge,ch_1,100.00,3.20,,,96.80,usd,2026-09-01 10:00,2026-09-03 00:00,"Boots, ""red""',
  'and laces",90.00,eur,po_1,2026-09-05 00:00,,17',
  'txn_2,refund,re_1,-20.00,0.00,,,-20.00,usd,2026-09-02 11:00,2026-09-02 11:00,REFUND,-18.00,eur,po_1,2026-09-05 00:00,,r17',
  'txn_3,adjustment,du_1,-5.00,15.00,,,-20.00,usd,2026-09-02 12:00,2026-09-02 12:00,Chargeback withdrawal,,,po_1,2026-09-05 00:00,,',
  'txn_4,payout,po_1,-56.80,0.00,,,-56.80,usd,2026-09-03 01:00,2026-09-04 00:00,STRIPE PAYOUT,,,po_1,2026-09-05 00:00,,',
  'txn_5,payment,py_1,5000,130,,,4870,jpy,2026-09-04 09:00,2026-09-06 00:00,,,,,,,',
  'txn_6,payout,po_2,-1000,0,,,-1000,jpy,2026-09-05 09:00,2026-09-05 09:00,By hand,,,,,,',
  'txn_7,charge,ch_2,1.234,0.100,,,1.134,kwd,2026-09-06 09:00,2026-09-08 00:00,,,,,,,',
].join('\n')

const transaction = { fee: 0, currency: 'usd' }
const swept = { automatic_payout_id: 'po_1' }
const historyRows = [
  {
    ...transaction,
    ...swept,
    id: 'txn_1',
    type: 'charge',
    reporting_category: 'charge',
    amount: 10_000,
    fee: 320,
    net: 9680,
    created: '2026-09-01T10:00:00+00:00',
    available_on: '2026-09-03T00:00:00+00:00',
    effective_at: '2026-09-01T10:00:00+00:00',
    description: 'Boots, "red"\nand laces',
    source_id: 'ch_1',
    charge_id: 'ch_1',
    customer_facing_amount: 9000,
    customer_facing_currency: 'eur',
  },
  {
    ...transaction,
    ...swept,
    id: 'txn_2',
    type: 'refund',
    reporting_category: 'refund',
    amount: -2000,
    net: -2000,
    created: '2026-09-02T11:00:00+00:00',
    available_on: '2026-09-02T11:00:00+00:00',
    effective_at: '2026-09-02T11:00:00+00:00',
    description: 'REFUND',
    source_id: 're_1',
    customer_facing_amount: -1800,
    customer_facing_currency: 'eur',
    refund_metadata: { order: 'r17' },
  },
  {
    ...transaction,
    ...swept,
    id: 'txn_3',
    type: 'adjustment',
    reporting_category: 'dispute',
    amount: -500,
    fee: 1500,
    net: -2000,
    created: '2026-09-02T12:00:00+00:00',
    available_on: '2026-09-02T12:00:00+00:00',
    effective_at: '2026-09-02T12:00:00+00:00',
    description: 'Chargeback withdrawal',
    source_id: 'du_1',
  },
  {
    ...transaction,
    id: 'txn_4',
    type: 'payout',
    reporting_category: 'payout',
    amount: -5680,
    net: -5680,
    created: '2026-09-03T01:00:00+00:00',
    available_on: '2026-09-04T00:00:00+00:00',
    // When it arrived, not when it was made or expected.
    effective_at: '2026-09-05T00:00:00+00:00',
    description: 'STRIPE PAYOUT',
    source_id: 'po_1',
    payout_id: 'po_1',
  },
  {
    id: 'txn_5',
    type: 'payment',
    reporting_category: 'charge',
    currency: 'jpy',
    amount: 5000,
    fee: 130,
    net: 4870,
    created: '2026-09-04T09:00:00+00:00',
    available_on: '2026-09-06T00:00:00+00:00',
    effective_at: '2026-09-04T09:00:00+00:00',
    source_id: 'py_1',
    charge_id: 'py_1',
  },
  {
    id: 'txn_6',
    type: 'payout',
    reporting_category: 'payout',
    currency: 'jpy',
    amount: -1000,
    fee: 0,
    net: -1000,
    created: '2026-09-05T09:00:00+00:00',
    available_on: '2026-09-05T09:00:00+00:00',
    effective_at: '2026-09-05T09:00:00+00:00',
    description: 'By hand',
    source_id: 'po_2',
    payout_id: 'po_2',
  },
  {
    id: 'txn_7',
    type: 'charge',
    reporting_category: 'charge',
    currency: 'kwd',
    amount: 1234,
    fee: 100,
    net: 1134,
    created: '2026-09-06T09:00:00+00:00',
    available_on: '2026-09-08T00:00:00+00:00',
    effective_at: '2026-09-06T09:00:00+00:00',
    source_id: 'ch_2',
    charge_id: 'ch_2',
  },
]

/** The same table with its columns in another order. */
const reordered = (csv: string): string => {
  const { data } = Papa.parse<string[]>(csv)
  return Papa.unparse(
    data.map((row) => row.toReversed()),
    { newline: '\n' },
  )
}

describe('the balance history', () => {
  test.each<[string, string | Buffer]>([
    ['as it comes', history],
    ['with a byte order mark and CRLF', `\ufeff${history.replaceAll('\n', '\r\n')}\r\n`],
    [
      'with all cells quoted, and empty lines',
      `${Papa.unparse(Papa.parse<string[]>(history).data, { quotes: true, newline: '\n' })}\n\n`,
    ],
    ['in another order of columns', reordered(history)],
    ['packed by gzip', gzipSync(history)],
    ['with decimal commas', history.replaceAll(/,(-?\d+)\.(\d+)(?=,)/g, ',"$1,$2"')],
  ])('becomes transactions, charges and payouts: %s', async (how, content) => {
    const { rows, title, span, sides } = await load(content)
    expect({ rows, title, sides }).toEqual({
      rows: 7,
      title: 'balance history',
      sides: ['activity', 'payouts'],
    })
    expect(span).toEqual({ from: new Date('2026-09-01'), until: new Date('2026-09-07') })
    const expected = how.includes('CRLF')
      ? historyRows.map((row) => ({
          ...row,
          ...(row.id === 'txn_1' && { description: 'Boots, "red"\r\nand laces' }),
        }))
      : historyRows
    expect(await rowsOf('balance_transactions')).toEqual(expected)
    expect(await rowsOf('charges')).toEqual([{ id: 'ch_1', metadata: { order: '17' } }])
    expect(await rowsOf('payouts')).toMatchObject([
      {
        id: 'po_1',
        amount: 5680,
        is_automatic: true,
        arrival_date: '2026-09-05T00:00:00+00:00',
        effective_at: '2026-09-05T00:00:00+00:00',
      },
      { id: 'po_2', amount: 1000, currency: 'jpy' },
    ])
    expect(await coverage()).toEqual(['2026-09-01T00:00:00.000Z', '2026-09-07T00:00:00.000Z'])
  })

  test('imported again changes nothing', async () => {
    await load(history)
    const before = await rowsOf('balance_transactions')
    await load(history)
    expect(await rowsOf('balance_transactions')).toEqual(before)
    expect(await coverage()).toEqual(['2026-09-01T00:00:00.000Z', '2026-09-07T00:00:00.000Z'])
  })
})

const activity = `balance_transaction_id,created,created_utc,currency,gross,fee,net,reporting_category,source_id,description,charge_id,customer_id,customer_email,customer_address_city,card_brand,is_link,automatic_payout_id,payment_metadata[order],payment_metadata[a b]
txn_1,2026-09-01 06:00:07,2026-09-01 10:00:07,usd,100.00,3.20,96.80,charge,ch_1,,ch_1,cus_1,a@example.com,Oslo,visa,true,,17,x
txn_3,2026-09-02 08:00:00,2026-09-02 12:00:00,usd,-5.000000000000000000,15,-20.00,dispute_reversal,du_1,,ch_1,cus_1,,,,,,,`

const payouts = `"payout_id","effective_at","currency","gross","fee","net","reporting_category","balance_transaction_id","description","payout_expected_arrival_date","payout_status"
"po_1","2026-09-06 00:00:00","usd","56.80","0.00","56.80","payout","txn_4","STRIPE PAYOUT","2026-09-06 00:00:00","paid"
"po_3","2026-09-07 09:30:00","usd","40.00","0.50","39.50","payout","txn_8",,"2026-09-08","failed"
"po_3","2026-09-09 00:00:00","usd","-40.00","0.00","-40.00","payout_reversal","txn_9",,"2026-09-08","failed"`

const reconciliation = `automatic_payout_id,automatic_payout_effective_at_utc,balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,trace_id,trace_id_status
po_1,2026-09-06 00:00:00,txn_1,2026-09-01 10:00:07,usd,100.00,3.20,96.80,charge,TRACE,supported`

describe('the itemized reports', () => {
  test.each([
    ['effective_at_utc,payout_reversed_at', '2026-06-17T08:00:12+00:00', []],
    ['effective_at_utc,payout_reversed_at_utc', '2026-06-17T08:00:12+00:00', []],
    ['effective_at,payout_reversed_at', '2026-06-17T06:00:12+00:00', ['effective_at', 'payout_reversed_at']],
  ])('of payouts are read in the timezone that their version has (%s)', async (times, at, localTimes) => {
    const text = `payout_id,balance_transaction_id,currency,gross,fee,net,reporting_category,${times}
po_1,txn_1,usd,1.00,0.00,1.00,payout,2026-06-17 08:00:12,2026-06-17 08:00:12`
    const result = await load(text, { timezone: 'Europe/Berlin' })
    expect(result.localTimes).toEqual(localTimes)
    expect(await rowsOf('payouts')).toMatchObject([{ reversed_at: at }])
  })

  test('complete what the balance history began, whichever comes first', async () => {
    const states = []
    const [settled, swept] = [payouts, reconciliation].map((csv) =>
      csv.replaceAll('2026-09-06', '2026-09-05'),
    )
    for (const order of [
      [history, activity, settled, swept],
      [swept, settled, activity, history],
    ]) {
      owner = { ...owner, accountId: `${owner.accountId}_again` }
      for (const content of order)
        await load(content ?? '', {
          declared: { from: new Date('2026-09-01'), until: new Date('2026-10-01') },
        })
      states.push({
        transactions: await rowsOf('balance_transactions'),
        charges: await rowsOf('charges'),
        customers: await rowsOf('customers'),
        payouts: await rowsOf('payouts'),
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
      // The activity report knows better than the type.
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

  test('an address keeps the parts that a file has no columns for, and loses those that it leaves empty', async () => {
    const address = async () => (await rowsOf('charges'))[0]?.shipping_address
    const columns = 'balance_transaction_id,created_utc,currency,gross,net,reporting_category,charge_id'
    const row = 'txn_1,2026-09-01 10:00:00,usd,1.00,1.00,charge,ch_1'
    const parts = ['line1', 'line2', 'city', 'state', 'postal_code', 'country']
    const whole = parts.map((part) => `shipping_address_${part}`).join(',')
    await load(`${columns},${whole}\n${row},Torggata 1,4th floor,Oslo,,0181,NO`)
    const country = `${columns},shipping_address_country`
    await load(`${country}\n${row},NO\n${row},SE`)
    const moved = {
      line1: 'Torggata 1',
      line2: '4th floor',
      city: 'Oslo',
      postal_code: '0181',
      country: 'SE',
    }
    expect(await address()).toEqual(moved)
    await load(`${country}\n${row},`)
    expect(await address()).toEqual(moved)
    await load(`${columns},${whole}\n${row},Bredgade 2,,Aarhus,,8000,DK`)
    expect(await address()).toEqual({
      line1: 'Bredgade 2',
      city: 'Aarhus',
      postal_code: '8000',
      country: 'DK',
    })
  })

  test('a payout moves to the time at which it left, told by its own report or by what it swept', async () => {
    const payout = `id,Type,Source,Amount,Fee,Net,Currency,Created (UTC),Available On (UTC)
txn_4,payout,po_1,-56.80,0.00,-56.80,usd,2026-09-03 01:00,2026-09-04 00:00`
    const at = async () =>
      (await rowsOf('balance_transactions')).find(({ id }) => id === 'txn_4')?.effective_at
    await load(payout)
    expect(await at()).toBe('2026-09-04T00:00:00+00:00')
    await load(reconciliation)
    expect(await at()).toBe('2026-09-06T00:00:00+00:00')
    await load(payout)
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
  ])('the currency that a customer paid in may be in upper case: %s', async (_, header) => {
    await load(`${header}\ntxn_1,charge,10.00,10.00,USD,2026-09-01 10:00,1500,JPY `)
    expect(await rowsOf('balance_transactions')).toMatchObject([
      { currency: 'usd', customer_facing_amount: 1500, customer_facing_currency: 'jpy' },
    ])
  })

  test.each([
    ['-40.00', '-0.50', '-39.50', 50],
    ['-40.00', '0.50', '-40.50', -50],
    ['40.00', '-0.50', '40.50', -50],
  ])('a payout that came back with %s, %s and %s has its fee', async (gross, fee, net, expected) => {
    const [header] = payouts.split('\n')
    await load(
      `${header}\npo_3,2026-09-09 00:00:00,usd,${gross},${fee},${net},payout_reversal,txn_9,,2026-09-08,failed`,
    )
    expect(await rowsOf('balance_transactions')).toMatchObject([
      { amount: 4000, fee: expected, net: 4000 - expected },
    ])
  })

  test('local times are of the timezone that is given, unless a column is in UTC', async () => {
    const content = `balance_transaction_id,created,available_on_utc,currency,gross,fee,reporting_category
txn_1,2026-03-08 01:30:00,2026-03-10 00:00:00,usd,1.00,0.00,charge
txn_2,2026-03-08 03:30:00,2026-03-10T00:00:00-08:00,usd,1.00,0.00,charge`
    const { span } = await load(content, { timezone: 'America/New_York' })
    expect(await rowsOf('balance_transactions')).toMatchObject([
      { created: '2026-03-08T06:30:00+00:00', available_on: '2026-03-10T00:00:00+00:00' },
      { created: '2026-03-08T07:30:00+00:00', available_on: '2026-03-10T08:00:00+00:00' },
    ])
    expect(span).toEqual({ from: new Date('2026-03-08T05:00:00Z'), until: new Date('2026-03-09T04:00:00Z') })
  })
})

describe('coverage', () => {
  const header =
    'balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,automatic_payout_id,automatic_payout_effective_at_utc'
  const row = (day: string, payout = '', leftAt = '') =>
    `txn_${day},${day} 10:00:00,usd,1.00,0.00,1.00,charge,${payout},${leftAt}`
  /** The first row was swept at the end of its day. */
  const activityOn = (first: string, ...others: string[]) =>
    [header, row(first, 'po_1', `${first} 23:00:00`), ...others.map((day) => row(day))].join('\n')
  const payoutsOnly = payouts.split('\n').slice(0, 2).join('\n')

  test('is what both sides cover', async () => {
    await load(activityOn('2026-09-01', '2026-09-10'))
    expect(await coverage()).toBeNull()
    await load(payoutsOnly)
    expect(await coverage()).toEqual(['2026-09-06T00:00:00.000Z', '2026-09-07T00:00:00.000Z'])
    const declared = { from: new Date('2026-08-01'), until: new Date('2026-10-01') }
    await load(payoutsOnly, { declared })
    expect(await coverage()).toEqual(['2026-09-01T00:00:00.000Z', '2026-09-11T00:00:00.000Z'])
  })

  test('does not move by a reconciliation, of which nobody knows that it is all, unless that is said', async () => {
    expect((await load(reconciliation)).sides).toEqual([])
    const declared = { from: new Date('2026-09-01'), until: new Date('2026-10-01') }
    expect((await load(reconciliation, { declared })).sides).toEqual(['activity'])
  })

  test.each([
    ['all rows wait', row('2026-09-01')],
    ['some rows are swept by a payout that left later', row('2026-09-01', 'po_1', '2026-09-11 00:00:00')],
    ['nobody says when the payout of some rows left', row('2026-09-01', 'po_1')],
  ])('does not move by an ending balance, of which %s', async (_what, first) => {
    const { sides } = await load([header, first, row('2026-09-10')].join('\n'))
    expect(sides).toEqual([])
  })

  test('moves once for several files that cover a span together, when none lacks a line', async () => {
    const declared = { from: new Date('2026-08-01'), until: new Date('2026-10-01') }
    const part = { declared, isPart: true }
    const first = await load(history, part)
    expect(await coverage()).toBeNull()
    const bad = await load(badHistory, { ...part, skipBad: true })
    expect(await coverTogether(client, owner, [first, bad])).toBe(false)
    expect(await coverage()).toBeNull()
    expect(await coverTogether(client, owner, [first, await load(history, part)])).toBe(true)
    expect(await coverage()).toEqual(['2026-08-01T00:00:00.000Z', '2026-10-01T00:00:00.000Z'])
    const later = { from: new Date('2026-10-02'), until: new Date('2026-11-01') }
    await expect(load(history, { declared: later, isPart: true })).rejects.toThrow(/a gap/)
  })

  test('has no gap: what would leave one is refused before anything is written', async () => {
    await load(history)
    const later = history.replaceAll('2026-09-', '2026-10-').replaceAll('txn_', 'txn_later_')
    await expect(load(later)).rejects.toThrow(/a gap\..*--from 2026-09-07T00:00:00Z/)
    expect(await rowsOf('balance_transactions')).toHaveLength(7)
    const earlier = history.replaceAll('2026-09-', '2026-08-').replaceAll('txn_', 'txn_earlier_')
    await expect(load(earlier)).rejects.toThrow(/--until 2026-09-01T00:00:00Z/)
    await load(later, { declared: { from: new Date('2026-09-07'), until: null } })
    expect(await coverage()).toEqual(['2026-09-01T00:00:00.000Z', '2026-10-07T00:00:00.000Z'])
  })

  test('ends before the day on which the file was written', async () => {
    const { span } = await load(activityOn('2026-11-18', '2026-11-20'))
    expect(span).toEqual({ from: new Date('2026-11-18'), until: new Date('2026-11-20') })
    owner = { ...owner, livemode: true }
    expect((await load(activityOn('2026-11-20'))).span).toBeNull()
  })
})

const badHistory = history
  .replace('-20.00,0.00', '-20.0O,0.00')
  .replace('2026-09-04 09:00', '2026-02-30 09:00')
  .replace('-56.80,0.00,,,-56.80', '-56.80,0.00,,,-56.90')

describe('bad lines', () => {
  test('are told with file, line, column and value, and nothing is imported', async () => {
    const loading = load(badHistory)
    await expect(loading).rejects.toThrow(/Nothing of .* was imported.*--skip-bad/s)
    const message = String(await loading.catch((error: Error) => error.message))
    const path = join(folder, `${files}.csv`)
    expect(message.split('\n').slice(0, 3)).toEqual([
      `${path}:4: Amount "-20.0O" is no amount, such as 1234.50.`,
      `${path}:6: Net "-56.90" is not amount less fee, which is -5680 in minor units.`,
      `${path}:7: Created (UTC) "2026-02-30 09:00" is no time, such as 2026-09-01 14:30:00.`,
    ])
    expect(await rowsOf('balance_transactions')).toEqual([])
    expect(await coverage()).toBeNull()
  })

  test('are left out and kept in a file, which can be mended and imported', async () => {
    const { path, rows, rejected, rejectedPath, sides } = await load(badHistory, { skipBad: true })
    expect({ rows, sides }).toEqual({ rows: 4, sides: [] })
    expect(rejected).toHaveLength(3)
    expect(rejectedPath).toBe(`${path}.rejected.csv`)
    const text = await readFile(`${path}.rejected.csv`, 'utf8')
    expect(Papa.parse<string[]>(text.trim()).data.map((cells) => [cells[0], cells.at(-1)])).toEqual([
      ['id', 'rejected_because'],
      ['txn_2', 'is no amount, such as 1234.50'],
      ['txn_4', 'is not amount less fee, which is -5680 in minor units'],
      ['txn_5', 'is no time, such as 2026-09-01 14:30:00'],
    ])
    // What is there is not written over.
    const again = importFile(client, owner, path, {
      timezone: 'UTC',
      declared: { from: null, until: null },
      isPart: false,
      skipBad: true,
      now: new Date(),
      onProgress: () => {},
      signal: new AbortController().signal,
    })
    await expect(again).rejects.toThrow('.rejected.csv, which exists')
    const mended = text
      .replace('-20.0O', '-20.00')
      .replace('-56.90', '-56.80')
      .replace('2026-02-30', '2026-09-04')
    await load(mended, { declared: { from: new Date('2026-09-01'), until: new Date('2026-09-07') } })
    expect(await rowsOf('balance_transactions')).toEqual(historyRows)
    expect(await coverage()).not.toBeNull()
  })

  test('that were left out complete nothing, whatever is declared', async () => {
    const declared = { from: new Date('2026-09-01'), until: new Date('2026-10-01') }
    expect((await load(badHistory, { skipBad: true, declared })).sides).toEqual([])
    expect(await coverage()).toBeNull()
  })

  test('of more than twenty, the others are counted', async () => {
    const lines = Array.from({ length: 30 }, (_, place) => `txn_${place},charge,,x,0,0,usd,2026-09-01 10:00`)
    const loading = load(['id,Type,Source,Amount,Fee,Net,Currency,Created (UTC)', ...lines].join('\n'))
    await expect(loading).rejects.toThrow(/:21: .*\n.*: and 10 more\./)
  })

  test.each([
    [
      'jpy has no decimals',
      'txn_1,charge,,5.50,0,5.50,jpy,2026-09-01 10:00',
      /Amount "5.50" has more decimals/,
    ],
    [
      'two separators',
      'txn_1,charge,,"5,50",0,5.50,usd,2026-09-01 10:00',
      /Net "5.50" has "\." before its decimals/,
    ],
    [
      'grouped thousands',
      'txn_1,charge,,"1,000",0,"1,000",jpy,2026-09-01 10:00',
      /Amount "1,000" has a comma/,
    ],
    ['grouped digits', 'txn_1,charge,,"1,000.00",0,0,usd,2026-09-01 10:00', /is no amount/],
    ['beyond what is exact', 'txn_1,charge,,99999999999999999.00,0,0,usd,2026-09-01 10:00', /is too large/],
    ['a year of two digits', 'txn_1,charge,,1,0,1,usd,0026-09-01 10:00', /is no time/],
    ['no currency', 'txn_1,charge,,1,0,1,,2026-09-01 10:00', /Currency is empty/],
    ['no id', ',charge,,1,0,1,usd,2026-09-01 10:00', /id is empty/],
    [
      'a cell too many',
      'txn_1,charge,,1,0,1,usd,2026-09-01 10:00,x',
      /the line has 9 cells where the header has 8/,
    ],
    ['NUL', 'txn_1,cha\0rge,,1,0,1,usd,2026-09-01 10:00', /has a NUL character/],
    ['a stray quote', 'txn_1,"cha"rge,,1,0,1,usd,2026-09-01 10:00', /has a quote where none can stand/],
  ])('are found: %s', async (_, line, sentence) => {
    await expect(load(`id,Type,Source,Amount,Fee,Net,Currency,Created (UTC)\n${line}\n`)).rejects.toThrow(
      sentence,
    )
  })

  test.each<[string, string | Buffer, RegExp]>([
    ['nothing', '', /cannot be imported: it is empty/],
    ['other columns', 'a,b\n1,2', /the nearest is the .*, which has also /],
    [
      'latin 1',
      Buffer.from(history.replace('Boots', 'Schn\u00fcrb\u00e4nder'), 'latin1'),
      /no text in UTF-8/,
    ],
    [
      'text after a quote without a partner',
      `${history}\n"${'"",\n'.repeat(5_000_000)}`,
      /no partner stands in line 10 or after it, .*begins: "\\"\\"\\","/,
    ],
    ['half of a gzip file', gzipSync(history).subarray(0, 200), /cannot be unpacked/],
  ])('a file of %s is refused', async (_, content, sentence) => {
    await expect(load(content)).rejects.toThrow(sentence)
  })
})

/** Text that is hard on every reader of CSV; no NUL, which Postgres cannot keep. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom('"', ',', '\n', '\r', '\r\n', ';', '=', '\\', '\t', '🦊', '\ufeff', "'"),
      fc.string(),
    ),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  .map((parts) => parts.join('').replaceAll('\0', ''))
  .filter((text) => text !== '')
const maybe = fc.option(hostile, { nil: '' })

test('whatever an export holds comes back as it was', async () => {
  const header = [
    'description',
    'balance_transaction_id',
    'created_utc',
    'currency',
    'gross',
    'net',
    'reporting_category',
    'charge_id',
    'payment_metadata[k]',
    'statement_descriptor',
  ]
  let run = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(maybe, maybe, maybe, fc.integer()), { minLength: 1, maxLength: 8 }),
      fc.constantFrom('\n', '\r\n'),
      fc.boolean(),
      async (drawn, newline, quotes) => {
        owner = { accountId: `acct_hostile_${++run}`, livemode: true }
        const rows = drawn.map(([description, value, descriptor, amount], place) => {
          const text = `${amount < 0 ? '-' : ''}${Math.floor(Math.abs(amount) / 100)}.${String(Math.abs(amount) % 100).padStart(2, '0')}`
          return [
            description,
            `txn_${place}`,
            '2026-09-01 10:00:00',
            'usd',
            text,
            text,
            'charge',
            `ch_${place}`,
            value,
            descriptor,
          ]
        })
        await load(Papa.unparse([header, ...rows], { newline, quotes }))
        const expected = drawn.map(([description, value, descriptor, amount], place) => ({
          id: `txn_${place}`,
          amount: amount === 0 ? 0 : amount,
          description: description || undefined,
          charge:
            value || descriptor
              ? { value: value || undefined, descriptor: descriptor || undefined }
              : undefined,
        }))
        const charges = new Map((await rowsOf('charges')).map((charge) => [charge.id, charge]))
        const found = (await rowsOf('balance_transactions')).map(({ id, amount, description, charge_id }) => {
          const charge = charges.get(charge_id)
          return {
            id,
            amount,
            description,
            charge: charge && { value: charge.metadata?.k, descriptor: charge.statement_descriptor },
          }
        })
        expect(found).toEqual(expected)
      },
    ),
    { numRuns: 25 },
  )
})
