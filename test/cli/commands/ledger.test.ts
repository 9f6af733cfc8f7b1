import { afterAll, beforeAll, expect, test } from 'vitest'
import { ledgerCommand } from '../../../src/cli/commands/ledger.ts'
import { createConnection } from '../../../src/postgres/client.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { putRows } from '../../support/random-ledger.ts'
import { runCommand } from '../../support/run-command.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  const client = createConnection(database.url, 'test')
  await client.connect()
  const row = { category: 'charge', currency: 'usd', amount: 1250, fee: 50, payout: null, available: null }
  const effective = Date.parse('2026-03-04T23:59:59Z') / 1000
  await putRows(client, 'acct_1', [{ ...row, id: 'txn_1', effective, sweptBy: 'po_1' }])
  await client.end()
})
afterAll(() => database[Symbol.asyncDispose]())

function ledger(...args: string[]): Promise<string[]> {
  return runCommand(ledgerCommand, args, { DATABASE_URL: database.url })
}

test('a check names the difference of each sum, and fails until a repair', async () => {
  const allRight = 'All sums are those of the balance transactions.'
  expect(await ledger('check')).toEqual([allRight])
  await database.query(`update balance_sums set count = 3, net = net - 1 where period = 'DAY'`)
  await expect(ledger('check')).rejects.toThrow(
    'Differences from the balance transactions: 1. To correct them, run: npm run ledger -- check --repair',
  )
  const [line, end] = await ledger('check', '--repair')
  expect(line).toBe(
    'acct_1 test, day 2026-03-04, usd, charge, swept: transactions 3, expected 1; net 11.99, expected 12.00',
  )
  expect(end).toContain('They are corrected.')
  expect(await ledger('check')).toEqual([allRight])
})

test.each([[[]], [['repair']], [['check', 'acct_1']]])('%j is refused with the usage', async (args) => {
  await expect(ledger(...args)).rejects.toThrow('npm run ledger -- check [--repair]')
})
