import fc from 'fast-check'
import type pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { checkSums, repairSums, type WrongSums } from '../../src/ledger/check-sums.ts'
import { createConnection } from '../../src/postgres/client.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { putRows, type RandomRow, randomRow } from '../support/random-ledger.ts'

let database: TestDatabase
let client: pg.Client
let other: pg.Client
beforeAll(async () => {
  database = await createTestDatabase()
  ;[client, other] = [createConnection(database.url, 'test'), createConnection(database.url, 'test')]
  await Promise.all([client.connect(), other.connect()])
})
afterAll(async () => {
  await Promise.all([client.end(), other.end()])
  await database[Symbol.asyncDispose]()
})

async function wrongSums(): Promise<WrongSums[]> {
  const found: WrongSums[] = []
  await checkSums(client, (wrong) => found.push(wrong))
  return found
}

const account = fc.constantFrom('acct_1', 'acct_2')
const rows = fc.array(randomRow, { minLength: 1, maxLength: 12 })

/** Statements that change balance transactions, as an import or an operator can write them. */
const change = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), account, rows }),
  fc.record({ kind: fc.constant('put' as const), account, rows }),
  fc.record({ kind: fc.constant('update' as const), account, row: randomRow }),
  fc.record({ kind: fc.constant('move' as const), account, row: randomRow }),
  fc.record({ kind: fc.constant('delete' as const), account, row: randomRow }),
  fc.record({ kind: fc.constant('delete account' as const), account }),
)

type Change = typeof change extends fc.Arbitrary<infer Drawn> ? Drawn : never

async function apply(drawn: Change): Promise<void> {
  const { kind, account: owner } = drawn
  if (kind === 'put') return putRows(client, owner, drawn.rows)
  if (kind === 'delete account') {
    await client.query('delete from balance_transactions where account_id = $1', [owner])
    return
  }
  const { category, sweptBy, effective } = drawn.row
  const where = 'where account_id = $1 and reporting_category = $2'
  if (kind === 'delete') await client.query(`delete from balance_transactions ${where}`, [owner, category])
  const update = `update balance_transactions set automatic_payout_id = $3, description = 'seen' ${where}`
  if (kind === 'update') await client.query(update, [owner, category, sweptBy])
  const move = `update balance_transactions set effective_at = to_timestamp($3), net = net + 1 ${where}`
  if (kind === 'move') await client.query(move, [owner, category, effective])
}

test('the sums are those of the rows after any statements', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 10 }), async (changes) => {
      for (const drawn of changes) await apply(drawn)
      expect(await wrongSums()).toEqual([])
    }),
    { numRuns: 20 },
  )
  await client.query('truncate balance_transactions')
  expect(await wrongSums()).toEqual([])
})

const own: RandomRow = {
  id: 'txn_own',
  category: 'payout',
  currency: 'usd',
  amount: -500,
  fee: 0,
  effective: Date.parse('2026-03-04T05:06:07Z') / 1000,
  available: null,
  payout: 'po_1',
  sweptBy: null,
}
const swept: RandomRow = {
  ...own,
  id: 'txn_swept',
  category: 'charge',
  amount: 500,
  payout: null,
  sweptBy: 'po_1',
}
const late: RandomRow = { ...swept, id: 'txn_late', available: own.effective + 60, sweptBy: null }

test.each([
  ['its own row', [swept], [own]],
  ['the rows that it swept', [own], [swept]],
])('a payout counts as swept when another transaction adds %s at the same time', async (_, first, second) => {
  await client.query('truncate balance_transactions')
  await client.query('begin')
  await putRows(client, 'acct_1', first)
  const added = putRows(other, 'acct_1', second)
  await vi.waitFor(async () => {
    const waiting = `select from pg_stat_activity where wait_event_type = 'Lock' and query like 'insert into balance_tr%'`
    expect(await database.query(waiting)).toHaveLength(1)
  }, 30_000)
  await client.query('commit')
  await added
  expect(await wrongSums()).toEqual([])
  expect(await database.query('select id from swept_payouts')).toEqual([{ id: 'po_1' }])
})

test.each(['repeatable read', 'serializable'])('a %s transaction cannot change rows', async (level) => {
  await client.query('truncate balance_transactions')
  await client.query(`begin isolation level ${level}`)
  await expect(putRows(client, 'acct_1', [own])).rejects.toThrow('their sums would be wrong')
  await client.query('rollback')
})

test('a login needs no rights to the sums, and cannot use their trigger for another table', async () => {
  await client.query('truncate balance_transactions')
  await client.query('begin')
  await client.query('create role loader_of_rows')
  await client.query('grant usage on schema report_gateway to loader_of_rows')
  await client.query('grant select, insert, update on balance_transactions to loader_of_rows')
  await client.query('set local role loader_of_rows')
  await putRows(client, 'acct_1', [own, swept, late])
  await client.query('create temporary table mine (like balance_transactions)')
  const trigger = `create trigger forged after insert on mine referencing new table as added
    for each statement execute function count_balance_transactions()`
  await client.query('savepoint before_trigger')
  await expect(client.query(trigger)).rejects.toThrow('permission denied for function')
  await client.query('rollback to before_trigger')
  await client.query('reset role')
  // The own row, the swept row and the other one, each by day and by month.
  const counted = await client.query('select from balance_sums')
  await client.query('rollback')
  expect(counted.rowCount).toBe(6)
})

test('a check names all sums that differ, and a repair replaces those of one ledger', async () => {
  await client.query('truncate balance_transactions')
  for (const accountId of ['acct_1', 'acct_2']) await putRows(client, accountId, [own, swept, late])
  await client.query(`update balance_sums set net = net + 7 where reporting_category = 'payout'`)
  await client.query(`delete from balance_sums where reporting_category = 'charge' and not is_swept`)
  await client.query('update delayed_sums set count = 4')
  await client.query(`update swept_payouts set day = '2026-03-05'`)
  const found = await wrongSums()
  const ofOne = found.filter(({ accountId }) => accountId === 'acct_1')
  expect(found.length).toBe(2 * ofOne.length)
  expect(ofOne.map(({ part, name, category }) => [part, name, category])).toEqual([
    ['available on', '2026-03-04 05:07:07+00', null],
    ['day', '2026-03-04', 'charge'],
    ['day', '2026-03-04', 'payout, swept'],
    ['month', '2026-03', 'charge'],
    ['month', '2026-03', 'payout, swept'],
    ['payout', 'po_1 on 2026-03-04', null],
    ['payout', 'po_1 on 2026-03-05', null],
  ])
  expect(ofOne[1]).toMatchObject({
    livemode: false,
    currency: 'usd',
    expected: { count: '1', amount: '500', fee: '0', net: '500', delayedNet: '500' },
    found: { count: '0', amount: '0', fee: '0', net: '0', delayedNet: '0' },
  })
  await repairSums(client, { accountId: 'acct_1', livemode: false })
  expect(await wrongSums()).toEqual(found.filter(({ accountId }) => accountId === 'acct_2'))
})
