import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAccount } from '../../../src/auth/accounts.ts'
import { createApiKey } from '../../../src/auth/api-keys.ts'
import { adminCommand } from '../../../src/cli/commands/admin.ts'
import { idPrefixes, newId } from '../../../src/ids.ts'
import { createPool, createPrisma, type Prisma } from '../../../src/postgres/client.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { insertRun, type RunOwner } from '../../support/insert-run.ts'
import { runCommand } from '../../support/run-command.ts'

const hour = 3_600_000

let database: TestDatabase
let prisma: Prisma
let close: () => Promise<void>
let shop: RunOwner
let bakery: RunOwner
let secret: string

beforeAll(async () => {
  database = await createTestDatabase()
  const pool = createPool({ url: database.url, max: 2, applicationName: 'test', onError: () => {} })
  prisma = createPrisma(pool)
  close = () => pool.end()
  shop = await createOwner('Shop\u001b[31m', false)
  bakery = await createOwner('Bakery', true)
})
afterAll(async () => {
  await close()
  await database[Symbol.asyncDispose]()
})

async function createOwner(name: string, livemode: boolean): Promise<RunOwner> {
  const accountId = await createAccount(prisma, name)
  const created = await createApiKey(prisma, { accountId, livemode, name })
  secret = created.secret
  return { accountId, livemode, apiKeyId: created.apiKey.id }
}

type Ended = { lines: string[]; said: string }

async function admin(...args: string[]): Promise<Ended> {
  let said = ''
  const onWrite = (text: string): void => {
    said += text
  }
  const lines = await runCommand(adminCommand, args, { DATABASE_URL: database.url }, { onWrite })
  return { lines, said }
}

async function adminJson(...args: string[]): Promise<Record<string, unknown>[]> {
  const { lines } = await admin(...args, '--json')
  return JSON.parse(lines.join('\n'))
}

async function idsOf(...filters: string[]): Promise<unknown[]> {
  return (await adminJson('runs', 'list', ...filters)).map(({ id }) => id)
}

test('runs of all accounts are selected by status, account, mode, type, failure code and age', async () => {
  const createdAt = (hoursAgo: number): { createdAt: Date } => ({
    createdAt: new Date(Date.now() - hoursAgo * hour),
  })
  const old = await insertRun(prisma, shop, createdAt(50))
  const running = await insertRun(prisma, bakery, { ...createdAt(3), status: 'RUNNING' })
  const failed = await insertRun(prisma, bakery, {
    ...createdAt(2),
    ...{ status: 'FAILED', failureCode: 'STORAGE_ERROR', reportType: 'payouts.summary.1' },
  })
  const deleted = await insertRun(prisma, shop, { ...createdAt(1), deletedAt: new Date() })

  expect(await idsOf()).toEqual([failed.id, running.id, old.id])
  expect(await idsOf('--status', 'running,FAILED')).toEqual([failed.id, running.id])
  expect(await idsOf('--account', shop.accountId)).toEqual([old.id])
  expect(await idsOf('--mode', 'live')).toEqual([failed.id, running.id])
  expect(await idsOf('--type', 'payouts.summary.1')).toEqual([failed.id])
  expect(await idsOf('--error', 'STORAGE_ERROR')).toEqual([failed.id])
  expect(await idsOf('--older-than', 'P2D')).toEqual([old.id])
  expect(await idsOf('--newer-than', 'PT4H', '--older-than', 'PT150M')).toEqual([running.id])

  const first = await admin('runs', 'list', '--limit', '1')
  expect(first.lines).toEqual([
    expect.stringMatching(/^id +account +mode +status +type /),
    expect.stringContaining(`${failed.id}  ${bakery.accountId}  live  FAILED  payouts.summary.1  `),
  ])
  expect(first.said).toBe(`There may be more: add --after ${failed.id}\n`)
  expect(await idsOf('--after', failed.id, '--limit', '1')).toEqual([running.id])

  const shown = await admin('runs', 'show', failed.id)
  expect(shown.lines).toContainEqual(expect.stringMatching(/^failureCode +STORAGE_ERROR$/))
  await expect(admin('runs', 'show', deleted.id)).rejects.toThrow(`There is no report run "${deleted.id}"`)
})

test('canceling writes an event without an actor, skips ended runs, and needs --yes for all that match', async () => {
  const [pending, running, ended] = [
    await insertRun(prisma, shop),
    await insertRun(prisma, shop, { status: 'RUNNING' }),
    await insertRun(prisma, shop, { status: 'SUCCEEDED' }),
  ]
  const { lines, said } = await admin('runs', 'cancel', pending.id, ended.id, '--reason', 'Wrong month')
  expect(lines).toEqual([
    expect.stringMatching(/^id /),
    expect.stringContaining(`${pending.id}  ${shop.accountId}  test  CANCELED`),
  ])
  expect(said).toBe(
    `The report run ${ended.id} is SUCCEEDED; only a run that has not ended can be canceled.\n`,
  )
  expect(await prisma.reportRun.findUnique({ where: { id: pending.id } })).toMatchObject({
    status: 'CANCELED',
    cancelReason: 'Wrong month',
    cancelRequestedById: null,
  })
  expect(await prisma.reportRunEvent.findMany({ where: { runId: pending.id } })).toMatchObject([
    { fromStatus: 'PENDING', toStatus: 'CANCELED', actorId: null, accountId: shop.accountId },
  ])

  const others = ['runs', 'cancel', '--all-matching', '--account', shop.accountId, '--newer-than', 'PT1H']
  expect(await admin(...others)).toEqual({
    lines: [],
    said: '1 runs match and have not ended. Add --yes to cancel them.\n',
  })
  const canceled = await admin(...others, '--yes')
  expect(canceled.lines[1]).toContain(`${running.id}  ${shop.accountId}  test  CANCELING`)
  expect(canceled.said).toBe('1 runs.\n')
})

test('accounts, keys and schedules are listed with what is stuck, and no secret', async () => {
  const lastUsedAt = new Date('2026-11-01T10:00:00Z')
  await prisma.apiKey.update({ where: { id: shop.apiKeyId }, data: { lastUsedAt } })
  await insertRun(prisma, bakery, { createdAt: new Date() })
  const schedule = {
    ...{ livemode: true, reportType: 'balance.summary.1', parameters: {}, formats: ['CSV' as const] },
    ...{ compression: 'NONE' as const, retentionMilliseconds: 1n, isActive: true, createdAt: new Date() },
    ...{ accountId: bakery.accountId, requestedById: bakery.apiKeyId },
  }
  const scheduleIds = [
    newId(idPrefixes.reportSchedule, new Date(1)),
    newId(idPrefixes.reportSchedule, new Date(2)),
  ]
  const [failing = '', healthy = ''] = scheduleIds
  await prisma.reportSchedule.createMany({
    data: [
      { ...schedule, id: failing, dataPeriod: 'P1D', lastError: 'The data is\nmissing.' },
      { ...schedule, id: healthy, cronExpression: '0 6 * * *', cronTimezone: 'UTC', nextRunAt: lastUsedAt },
    ],
  })

  expect(await adminJson('accounts')).toMatchObject([
    { id: shop.accountId, activeKeys: 1, lastUsedAt: lastUsedAt.toISOString(), activeSchedules: 0 },
    { id: bakery.accountId, activeKeys: 1, lastUsedAt: null, activeSchedules: 2, pending: 1, running: 1 },
  ])
  expect((await admin('accounts')).lines.join('\n')).not.toContain('\u001b')
  const keys = await admin('keys', '--account', shop.accountId)
  expect(keys.lines[1]).toContain(lastUsedAt.toISOString())
  expect(JSON.stringify([await adminJson('keys'), keys])).not.toMatch(
    new RegExp(`${secret.slice(-20)}|secretHash`),
  )
  expect((await adminJson('schedules')).map(({ id, trigger }) => [id, trigger])).toEqual([
    [healthy, '0 6 * * * UTC'],
    [failing, 'each P1D of data'],
  ])
  expect((await admin('schedules', '--failing')).lines[1]).toMatch(/active +- +- +- +The data is missing\.$/)
})

test.each([
  [['stop'], 'There is no action "stop".'],
  [[], 'No action is given. The actions are accounts, keys, runs list,'],
  [['accounts', 'acct_1'], 'Unexpected argument acct_1 after "accounts".'],
  [['runs', 'list', '--limit', '0'], '--limit 0 is not a whole number from 1 to 1000.'],
  [['runs', 'list', '--status', 'STUCK'], '--status STUCK is not valid. Give one or more of PENDING,'],
  [['runs', 'list', '--error', 'X'], '--error X is not valid.'],
  [['runs', 'list', '--older-than', '2h'], '--older-than 2h is not a positive ISO 8601 duration'],
  [['runs', 'cancel'], 'Give the ids of runs, or --all-matching with a filter.'],
  [['runs', 'cancel', '--all-matching', '--yes'], '--all-matching needs a filter'],
  [['runs', 'cancel', 'frr_1', '--all-matching'], 'Give either ids or --all-matching.'],
  [['runs', 'cancel', 'frr_1'], 'There is no report run "frr_1" in any account.'],
  [['runs', 'list', '--stauts', 'FAILED'], 'Unknown option --stauts. Did you mean --status?'],
  [['runs'], 'There is no action "runs". The actions are'],
  [['accounts', '--failing'], 'The option --failing does not apply to "accounts".'],
  [['runs', 'list', '--reason', 'x'], 'The option --reason does not apply to "runs list".'],
  [['runs', 'list', '--after', 'zebra'], '--after zebra is not an id of this list.'],
  [['runs', 'cancel', 'frr_1', '--mode', 'live'], 'Filters need --all-matching, without ids.'],
])('%j is refused', async (args, sentence) => {
  await expect(admin(...args)).rejects.toThrow(sentence)
})

test('a database that is not migrated is refused and not changed', async () => {
  await using bare = await createTestDatabase()
  await bare.query('drop schema report_gateway cascade')
  const accounts = runCommand(adminCommand, ['accounts'], { DATABASE_URL: bare.url })
  await expect(accounts).rejects.toThrow(/^The database lacks \d+ migrations .*npm run migrate/)
  expect(await bare.query("select from pg_namespace where nspname = 'report_gateway'")).toEqual([])
})
