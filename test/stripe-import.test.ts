import { tmpdir } from 'node:os'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from './database.ts'
import { type CommandProcess, spawnCommand } from './report-process.ts'
import { type FakeStripe, fakeKey, startFakeStripe } from './stripe/fake-stripe.ts'
import { addSales, fillAccount } from './stripe/stripe-account.ts'
import { at } from './stripe/stripe-objects.ts'

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

/** `npm run import -- --stripe` against the fake, as a process of its own. */
const spawnImport = (args: string[] = [], key = fakeKey): CommandProcess =>
  spawnCommand(
    'import',
    ['--stripe', '--host', '127.0.0.1', '--port', String(fake.port), '--protocol', 'http', ...args],
    { cwd: tmpdir(), environment: { DATABASE_URL: database.url, STRIPE_API_KEY: key } },
  )

const idsOf = async (): Promise<unknown[]> =>
  (await database.query('select id from balance_transactions order by id collate "C"')).map(({ id }) => id)

test('a process that is killed in the middle of a page has stored what was whole, and the next one goes on', async () => {
  fillAccount(fake)
  const ids = addSales(fake, '2026-03-05T00:00:00Z', 250, 60)
  const third = String(at('2026-03-04T00:00:00Z'))
  const killed = spawnImport(['--from', '2026-03-01'])
  // On the second page of its third window, which begins on the fourth of March.
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
})

test('Ctrl-C ends it at once, while it waits', async () => {
  const waiting = spawnImport()
  fake.fault = () => ({ status: 429, headers: { 'retry-after': '60' } })
  await waiting.wrote(/Waiting 60 s, because Stripe has too many requests/)
  waiting.child.kill('SIGINT')
  const { code, stderr } = await waiting.ended
  expect(code).toBe(130)
  expect(stderr).toMatch(/^Stopped\. What was read so far is stored/m)
})

test.each<[string, string[], string, RegExp]>([
  [
    'a key that is refused',
    [],
    'sk_test_51WrongWrong9999',
    /^Stripe does not accept the key in STRIPE_API_KEY[^\n]*\n$/,
  ],
  ['no key', [], '', /^STRIPE_API_KEY is not set\.[^\n]*\n$/],
  ['a key of the other mode', ['--livemode'], fakeKey, /^STRIPE_API_KEY holds a key of test mode\.[^\n]*\n$/],
  ['a port that is none', ['--port', '0'], fakeKey, /^--port 0 is no port: [^\n]*\n$/],
  [
    'files as well',
    ['march.csv'],
    fakeKey,
    /^Import files and Stripe one after the other: march\.csv [^\n]*\n$/,
  ],
])('%s is told in one sentence', async (_what, args, key, sentence) => {
  const { code, stderr } = await spawnImport(args, key).ended
  expect(code).toBe(1)
  expect(stderr).toMatch(sentence)
  expect(stderr).not.toMatch(/9999|4242/)
})
