import fc from 'fast-check'
import type pg from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { generateDemoLedger } from '../../src/demo/demo-ledger.ts'
import { loadLedger } from '../../src/ledger/load.ts'
import { mergeLedger } from '../../src/ledger/merge.ts'
import { type LedgerBatch, ledgerTables } from '../../src/ledger/rows.ts'
import { ContradictionError } from '../../src/ledger/transaction-facts.ts'
import { createConnection } from '../../src/postgres/client.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { noteStatements } from '../support/sent-statements.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())

/** Opens a connection with a transaction, which is never committed. */
async function begin(): Promise<pg.Client> {
  const client = createConnection(database.url, 'test')
  await client.connect()
  onTestFinished(() => client.end())
  await client.query('begin')
  return client
}

function owner(accountId: string) {
  return { accountId, livemode: false }
}

/** Returns all rows of an account by table, without the account id, so that accounts can be compared. */
async function rowsOf(client: pg.Client, accountId: string) {
  const tables: Record<string, unknown[]> = {}
  for (const table of Object.keys(ledgerTables)) {
    const { rows } = await client.query(
      `select to_jsonb(t) - 'account_id' as row from ${table} t where account_id = $1 order by to_jsonb(t)::text`,
      [accountId],
    )
    tables[table] = rows.map(({ row }) => row)
  }
  return tables
}

function batchOf(rows: Partial<LedgerBatch>): LedgerBatch {
  return {
    customers: [],
    charges: [],
    payouts: [],
    balanceTransactions: [],
    feeDetails: [],
    ...rows,
  }
}

const at = new Date('2026-09-01T00:00:00Z')
const transaction = {
  id: 'txn_1',
  reportingCategory: 'charge',
  currency: 'usd',
  amount: 100,
  fee: 3,
  net: 97,
  created: at,
  effectiveAt: at,
}

test('merging a ledger twice into empty tables equals loading it once', async () => {
  const client = await begin()
  const months = generateDemoLedger({ endsAt: new Date('2026-11-22T00:00:00Z'), livemode: true })
  const ledger = [...months].slice(0, 4)
  await loadLedger(client, owner('acct_loaded'), ledger)
  await mergeLedger(client, owner('acct_merged'), ledger)
  const { rows: before } = await client.query('select max(ctid) as last_row from balance_transactions')
  const progress: number[] = []
  const merged = await mergeLedger(client, owner('acct_merged'), ledger, {
    onProgress: (n) => progress.push(n),
  })
  expect(progress.at(-1)).toBe(merged.balanceTransactions)
  expect(await rowsOf(client, 'acct_merged')).toEqual(await rowsOf(client, 'acct_loaded'))
  // Unchanged rows are not written.
  expect((await client.query('select max(ctid) as last_row from balance_transactions')).rows).toEqual(before)
})

test('a later ledger completes rows, joins metadata, and keeps existing values', async () => {
  const client = await begin()
  await mergeLedger(client, owner('acct_1'), [
    batchOf({
      charges: [{ id: 'ch_1', cardBrand: 'visa', metadata: { order: '1', plan: 'a' } }],
      balanceTransactions: [{ ...transaction, type: 'charge', description: 'known' }],
    }),
  ])
  const later = batchOf({
    charges: [{ id: 'ch_1', customerId: 'cus_1', cardBrand: null, metadata: { plan: 'b', size: 'xl' } }],
    balanceTransactions: [
      { ...transaction, reportingCategory: 'other', sourceId: 'ch_1', description: null },
    ],
  })
  await mergeLedger(client, owner('acct_1'), [later], { assumed: ['reportingCategory'] })
  const { charges, balance_transactions: transactions } = await rowsOf(client, 'acct_1')
  expect(charges).toMatchObject([
    { customer_id: 'cus_1', card_brand: 'visa', metadata: { order: '1', plan: 'b', size: 'xl' } },
  ])
  expect(transactions).toMatchObject([
    { type: 'charge', reporting_category: 'charge', source_id: 'ch_1', description: 'known' },
  ])
})

test('the fee details of a transaction are replaced as a whole, and those of others stay', async () => {
  const client = await begin()
  const detail = {
    balanceTransactionId: 'txn_1',
    position: 0,
    type: 'stripe_fee',
    amount: 3,
    currency: 'usd',
  }
  const others = { ...detail, balanceTransactionId: 'txn_2' }
  const tax = { ...detail, position: 1, type: 'tax' }
  await mergeLedger(client, owner('acct_1'), [batchOf({ feeDetails: [detail, tax, others] })])
  await mergeLedger(client, owner('acct_1'), [batchOf({ feeDetails: [{ ...detail, amount: 5 }] })])
  expect((await rowsOf(client, 'acct_1')).fee_details).toMatchObject([
    { balance_transaction_id: 'txn_2', amount: 3 },
    { balance_transaction_id: 'txn_1', amount: 5 },
  ])
})

const word = fc.option(fc.constantFrom('a', 'b', 'c'))
const id = fc.constantFrom('1', '2')
const address = fc.option(fc.record({ city: word, country: word }, { requiredKeys: [] }))
const anyBatch = fc.record({
  customers: fc.array(fc.record({ id, email: word, address }), { maxLength: 3 }),
  charges: fc.array(
    fc.record({
      id,
      cardBrand: word,
      metadata: fc.option(fc.dictionary(fc.constantFrom('k', 'l'), fc.string())),
    }),
    { maxLength: 3 },
  ),
  balanceTransactions: fc.array(
    fc.record({ id, description: word, reportingCategory: fc.constantFrom('fee', 'tax') }).map((row) => ({
      ...transaction,
      ...row,
    })),
    { maxLength: 3 },
  ),
})

test('duplicate rows within a load are merged like rows of two loads', async () => {
  const client = await begin()
  let run = 0
  // Postgres cannot store NUL, and the import rejects it.
  const clean = (batch: Partial<LedgerBatch>) =>
    batchOf(
      JSON.parse(JSON.stringify(batch).replaceAll('\\u0000', ''), (key, value) =>
        key === 'created' || key === 'effectiveAt' ? new Date(value) : value,
      ),
    )
  await fc.assert(
    fc.asyncProperty(fc.array(anyBatch, { maxLength: 4 }), async (drawn) => {
      const batches = drawn.map(clean)
      const [once, apart] = [owner(`acct_${++run}_once`), owner(`acct_${run}_apart`)]
      const options = { assumed: ['reportingCategory'] } as const
      await mergeLedger(client, once, batches, options)
      for (const batch of batches) {
        for (const customer of batch.customers)
          await mergeLedger(client, apart, [batchOf({ customers: [customer] })])
        for (const charge of batch.charges) await mergeLedger(client, apart, [batchOf({ charges: [charge] })])
        for (const row of batch.balanceTransactions)
          await mergeLedger(client, apart, [batchOf({ balanceTransactions: [row] })], options)
      }
      expect(await rowsOf(client, once.accountId)).toEqual(await rowsOf(client, apart.accountId))
    }),
    { numRuns: 10 },
  )
})

test('a client without a transaction is rejected', async () => {
  const client = await begin()
  await client.query('commit')
  await expect(mergeLedger(client, owner('acct_bare'), [])).rejects.toThrow(
    'acct_bare requires an open transaction',
  )
})

test('rows that are all new are added without a comparison, and a part with one known row is compared and merged', async () => {
  const client = await begin()
  const tenant = owner('acct_new')
  const rowOf = (id: string, more = {}) => ({ ...transaction, id, ...more })
  const merge = (...balanceTransactions: LedgerBatch['balanceTransactions']) =>
    mergeLedger(client, tenant, [batchOf({ balanceTransactions })])
  const countRows = async () => {
    const { rows } = await client.query(
      'select id, amount, description from balance_transactions where account_id = $1 order by id',
      [tenant.accountId],
    )
    return rows
  }
  using noted = noteStatements()
  const compared = () => noted.statements().filter(({ text }) => text.includes('jsonb_build_object')).length
  await merge(rowOf('txn_1'), rowOf('txn_2'))
  expect(compared()).toBe(0)
  await merge(rowOf('txn_2', { description: 'late' }), rowOf('txn_3'))
  expect(compared()).toBe(1)
  const expected = [
    { id: 'txn_1', amount: '100', description: null },
    { id: 'txn_2', amount: '100', description: 'late' },
    { id: 'txn_3', amount: '100', description: null },
  ]
  expect(await countRows()).toEqual(expected)
  await expect(merge(rowOf('txn_4'), rowOf('txn_1', { amount: 101, net: 98 }))).rejects.toThrow(
    ContradictionError,
  )
})
