import type pg from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { generateDemoLedger, loadDemoLedger } from '../../src/demo/demo-ledger.ts'
import { loadLedger } from '../../src/ledger/load.ts'
import { type LedgerBatch, type LedgerValue, ledgerTables } from '../../src/ledger/rows.ts'
import { createConnection } from '../../src/postgres/client.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const endsAt = new Date('2026-11-22T00:00:00Z')
const startsAt = new Date('2024-11-22T00:00:00Z')
const batches = [...generateDemoLedger({ endsAt, livemode: true })]
const liveLedger: LedgerBatch = {
  customers: batches.flatMap((batch) => batch.customers),
  charges: batches.flatMap((batch) => batch.charges),
  payouts: batches.flatMap((batch) => batch.payouts),
  balanceTransactions: batches.flatMap((batch) => batch.balanceTransactions),
  feeDetails: batches.flatMap((batch) => batch.feeDetails),
}

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())

/** Opens a connection with a transaction. It is rolled back unless the test ends it. */
async function begin(): Promise<pg.Client> {
  const client = createConnection(database.url, 'test')
  await client.connect()
  onTestFinished(() => client.end())
  await client.query('begin')
  return client
}

async function countOf(accountId: string): Promise<number[]> {
  const counts = [...Object.keys(ledgerTables), 'ledger_coverage'].map(
    (table) => `(select count(*)::int from ${table} where account_id = $1)`,
  )
  const [row] = await database.query<{ counts: number[] }>(`select array[${counts.join(', ')}] as counts`, [
    accountId,
  ])
  return row?.counts ?? []
}

const nothing = [0, 0, 0, 0, 0, 0]
const generated = [
  liveLedger.customers.length,
  liveLedger.charges.length,
  liveLedger.payouts.length,
  liveLedger.balanceTransactions.length,
  liveLedger.feeDetails.length,
  1,
]

/** Returns a value as pg returns it. */
function readBack(value: LedgerValue) {
  return typeof value === 'number' ? String(value) : (value ?? null)
}

function byId(a: { id: string }, b: { id: string }) {
  return a.id < b.id ? -1 : 1
}

test('every generated value is stored unchanged', async () => {
  const client = await begin()
  await loadDemoLedger(client, { accountId: 'acct_values', livemode: true, endsAt })
  const stored = async (table: string) =>
    (await client.query(`select * from ${table} where account_id = 'acct_values'`)).rows.sort(byId)
  const expected = <Row extends { id: string } & { [Key in keyof Row]: LedgerValue }>(
    rows: readonly Row[],
    columns: Record<keyof Row, string>,
  ) =>
    rows.toSorted(byId).map((row) => ({
      account_id: 'acct_values',
      livemode: true,
      // Object.keys returns the keys of the record's type.
      ...Object.fromEntries(
        (Object.keys(columns) as (keyof Row)[]).map((key) => [columns[key], readBack(row[key])]),
      ),
    }))
  expect(await stored('customers')).toEqual(expected(liveLedger.customers, ledgerTables.customers))
  expect(await stored('charges')).toEqual(expected(liveLedger.charges, ledgerTables.charges))
  expect(await stored('payouts')).toEqual(expected(liveLedger.payouts, ledgerTables.payouts))
  expect(await stored('balance_transactions')).toEqual(
    expected(liveLedger.balanceTransactions, ledgerTables.balance_transactions),
  )
  expect(await stored('ledger_coverage')).toEqual([
    {
      account_id: 'acct_values',
      livemode: true,
      available_from: startsAt,
      available_until: endsAt,
      payouts_known: true,
      updated_at: expect.any(Date),
    },
  ])
})

test('rows are not visible before the caller commits or after a rollback', async () => {
  const client = await begin()
  const options = { accountId: 'acct_rollback', livemode: true, endsAt }
  expect(await loadDemoLedger(client, options)).toEqual({ balanceTransactions: generated[3], isNew: true })
  expect(await countOf('acct_rollback')).toEqual(nothing)
  await client.query('rollback')
  expect(await countOf('acct_rollback')).toEqual(nothing)
})

test('a client without a transaction is rejected', async () => {
  const client = await begin()
  await client.query('commit')
  const loading = loadDemoLedger(client, { accountId: 'acct_bare', livemode: true, endsAt })
  await expect(loading).rejects.toThrow('acct_bare requires an open transaction')
  expect(await countOf('acct_bare')).toEqual(nothing)
})

test('the second of two concurrent loads waits and finds the ledger of the first', async () => {
  const clients = [await begin(), await begin()]
  const results = await Promise.all(
    clients.map(async (client) => {
      const result = await loadDemoLedger(client, { accountId: 'acct_race', livemode: true, endsAt })
      await client.query('commit')
      return result
    }),
  )
  expect(results).toContainEqual({ balanceTransactions: generated[3], isNew: true })
  expect(results).toContainEqual({ balanceTransactions: 0, isNew: false })
  expect(await countOf('acct_race')).toEqual(generated)
})

test('the ledger of one mode does not affect the other mode', async () => {
  const client = await begin()
  await client.query(`
    insert into ledger_coverage (account_id, livemode, available_from, available_until, updated_at)
    values ('acct_modes', false, now(), now(), now())`)
  const options = { accountId: 'acct_modes', endsAt }
  expect((await loadDemoLedger(client, { ...options, livemode: false })).isNew).toBe(false)
  expect((await loadDemoLedger(client, { ...options, livemode: true })).isNew).toBe(true)
})

test('progress is reported for each batch', async () => {
  const client = await begin()
  const reported: number[] = []
  const onProgress = (rows: number) => void reported.push(rows)
  await loadDemoLedger(client, { accountId: 'acct_progress', livemode: true, endsAt, onProgress })
  expect(reported.length).toBeGreaterThan(20)
  expect(reported.at(-1)).toBe(generated[3])
})

function oneCustomer(id: string, description: string): LedgerBatch {
  return {
    customers: [{ id, description }],
    charges: [],
    payouts: [],
    balanceTransactions: [],
    feeDetails: [],
  }
}

test('a text longer than a chunk and a text of only escapes are stored unchanged', async () => {
  const client = await begin()
  const texts = ['long 𠮷\\ '.repeat(30_000), '\\\n\r\t\\.\n\\N', '']
  const ledger = texts.map((text, index) => oneCustomer(`cus_${index}`, text))
  await loadLedger(client, { accountId: 'acct\\tab\there', livemode: false }, ledger)
  const { rows } = await client.query('select description from customers where account_id = $1 order by id', [
    'acct\\tab\there',
  ])
  expect(rows.map((row) => row.description)).toEqual(texts)
})

test('the error for a row that Postgres rejects names its table, and the client stays usable', async () => {
  const client = await begin()
  const ledger = [oneCustomer('cus_1', 'first'), oneCustomer('cus_1', 'again')]
  const loading = loadLedger(client, { accountId: 'acct_twice', livemode: false }, ledger)
  await expect(loading).rejects.toThrow(/into customers for account acct_twice: duplicate key/)
  await client.query('rollback')
  expect(await countOf('acct_twice')).toEqual(nothing)
  expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
})
