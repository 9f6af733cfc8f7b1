import { tmpdir } from 'node:os'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { importCommand } from '../../../src/cli/commands/import.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { type CommandProcess, spawnCommand } from '../../support/report-process.ts'
import { runCommand } from '../../support/run-command.ts'
import { type FakeStripe, fakeKey, startFakeStripe } from '../../support/stripe/fake-stripe.ts'
import { addSales, fillAccount } from '../../support/stripe/stripe-account.ts'
import { at } from '../../support/stripe/stripe-objects.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  await database.query("insert into accounts (id, name) values ('acct_shop', 'Shop')")
})
afterAll(() => database[Symbol.asyncDispose]())

let fake: FakeStripe
beforeEach(async () => {
  fake = await startFakeStripe()
})
afterEach(() => fake[Symbol.asyncDispose]())

/** Runs `npm run import -- --stripe` against the fake in a separate process. */
function spawnImport(args: string[] = [], key = fakeKey): CommandProcess {
  return spawnCommand(
    'import',
    ['--stripe', '--host', '127.0.0.1', '--port', String(fake.port), '--protocol', 'http', ...args],
    { cwd: tmpdir(), environment: { DATABASE_URL: database.url, STRIPE_API_KEY: key } },
  )
}

async function idsOf(): Promise<unknown[]> {
  return (await database.query('select id from balance_transactions order by id collate "C"')).map(
    ({ id }) => id,
  )
}

test('a process that is killed during a page has stored all complete windows, and the next one continues', async () => {
  fillAccount(fake)
  const ids = addSales(fake, '2026-03-05T00:00:00Z', 250, 60)
  const third = String(at('2026-03-04T00:00:00Z'))
  const killed = spawnImport(['--from', '2026-03-01'])
  // On the second page of its third window, which starts on March 4.
  fake.fault = ({ query }) => {
    if (query.values['created[gte]'] === third && query.values.starting_after) killed.child.kill('SIGKILL')
    return null
  }
  const { code, stderr } = await killed.ended
  expect(code).toBeNull()
  expect(await idsOf()).toEqual(['txn_dispute', 'txn_konbini', 'txn_refund', 'txn_sale'])
  expect(await database.query('select available_until from ledger_coverage')).toEqual([
    { available_until: new Date('2026-03-04T00:00:00Z') },
  ])
  fake.fault = () => null
  const before = fake.requests.length
  const next = spawnImport()
  const ended = await next.ended
  expect(ended.code).toBe(0)
  const first = fake.requests.slice(before).find(({ path }) => path === '/v1/balance_transactions')
  expect(first?.query.values['created[gte]']).toBe(String(at('2026-03-03T00:00:00Z')))
  const all = [...fake.objects.values()].filter(({ object }) => object === 'balance_transaction')
  expect(await idsOf()).toEqual(all.map(({ id }) => id).sort())
  expect(all.length).toBe(ids.length + 11)
  expect(ended.stdout.toString()).toMatch(
    /^\d+ balance transactions were read from Stripe\.\nThe ledger of acct_shop in test mode/,
  )
  expect(stderr + ended.stdout + ended.stderr).not.toContain(fakeKey)
}, 60_000)

test('Ctrl-C ends the import at once while it waits', async () => {
  const waiting = spawnImport()
  fake.fault = () => ({ status: 429, headers: { 'retry-after': '60' } })
  await waiting.wrote(/Waiting 60 s for Stripe's rate limit/)
  waiting.child.kill('SIGINT')
  const { code, stderr } = await waiting.ended
  expect(code).toBe(130)
  expect(stderr).toMatch(/^Stopped\. What was read so far is stored/m)
})

test('a rejected key is reported in one sentence, without the key', async () => {
  const { code, stderr } = await spawnImport([], 'sk_test_51WrongWrong9999').ended
  expect(code).toBe(1)
  expect(stderr).toMatch(/^Stripe does not accept the key in STRIPE_API_KEY[^\n]*\n$/)
  expect(stderr).not.toMatch(/9999/)
})

/** The same within this process, into a new database: what it printed, and what it wrote to standard error. */
async function importHere(): Promise<{ printed: string[]; written: string }> {
  await using empty = await createTestDatabase()
  let written = ''
  const printed = await runCommand(
    importCommand,
    ['--stripe', '--host', '127.0.0.1', '--port', String(fake.port), '--protocol', 'http'],
    { DATABASE_URL: empty.url, STRIPE_API_KEY: fakeKey },
    { onWrite: (text) => (written += text) },
  )
  return { printed, written }
}

test('an account without a transaction is reported as such', async () => {
  const { printed, written } = await importHere()
  expect(printed).toEqual([expect.stringMatching(/no balance transactions yet/)])
  expect(written).toBe('')
})

test('the day that is being read is shown on standard error', async () => {
  fillAccount(fake)
  const { written } = await importHere()
  expect(written).toMatch(/^ {2}0\.0 % {2}Reading from Stripe {2}\d{4}-\d\d-\d\d {2}0 balance transactions\n/)
  expect(written).toMatch(/^ [1-9]\d\.\d % {2}Reading from Stripe {2}[\d-]+ {2}[1-9]\d* balance/m)
})

test('a restricted key that lacks a permission is reported without the key', async () => {
  fake.fault = () => ({ status: 403 })
  const error = await importHere().catch(String)
  expect(error).toMatch(/^ClientError: .*STRIPE_API_KEY does not have all required permissions/)
  expect(error).not.toContain(fakeKey)
})

test.each<[string, string[], RegExp]>([
  ['an invalid port', ['--stripe', '--port', '0'], /^--port 0 is not a valid port\. /],
  ['an invalid protocol', ['--stripe', '--protocol', 'ftp'], /^--protocol ftp is not a valid protocol\. /],
  ['an invalid time', ['--stripe', '--from', 'March'], /^--from March is not a valid time/],
  [
    'a future time',
    ['--stripe', '--from', '2126-01-01'],
    /^--from 2126-01-01 is in the future\. Give an earlier time\.$/,
  ],
  ['a key of the other mode', ['--stripe', '--livemode'], /^STRIPE_API_KEY is a test key\. /],
  ['files with --stripe', ['--stripe', 'march.csv'], /^--stripe takes no files\. Leave march\.csv out/],
  ['an option of files', ['--stripe', '--skip-bad'], /^--until and --skip-bad apply only to files: /],
  ['a host without Stripe', ['march.csv', '--host', 'localhost'], /--protocol require --stripe\.$/],
])('%s is rejected before anything is opened', async (_what, args, sentence) => {
  const environment = { STRIPE_API_KEY: fakeKey, DATABASE_URL: 'postgres://127.0.0.1:1/none' }
  await expect(runCommand(importCommand, args, environment)).rejects.toThrow(sentence)
})
