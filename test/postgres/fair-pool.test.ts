import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPool, createPrisma, type Prisma } from '../../src/postgres/client.ts'
import { shareFairly } from '../../src/postgres/fair-pool.ts'
import { inRequest } from '../../src/request-context.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const max = 4
let database: TestDatabase
let pool: ReturnType<typeof createPool>
let prisma: Prisma

beforeAll(async () => {
  database = await createTestDatabase()
  pool = shareFairly(createPool({ url: database.url, max, applicationName: 'fair-pool', onError: () => {} }))
  prisma = createPrisma(pool)
})

afterAll(async () => {
  await prisma.$disconnect()
  await pool.end()
  await database[Symbol.asyncDispose]()
})

function of<T>(accountId: string, work: () => T): T {
  return inRequest({ requestId: 'r', accountId }, work)
}

/** Statements of the pool that wait for the advisory lock of the test. */
async function countBlocked(): Promise<number> {
  const [row] = await database.query<{ count: number }>(
    `select count(*)::integer as count from pg_stat_activity
    where application_name = 'fair-pool' and wait_event_type = 'Lock' and datname = current_database()`,
  )
  return row?.count ?? 0
}

test.each([
  ['queries of Prisma', () => prisma.$executeRaw`select pg_advisory_xact_lock_shared(7)`],
  [
    'transactions of Prisma',
    () => prisma.$transaction((tx) => tx.$executeRaw`select pg_advisory_xact_lock_shared(7)`),
  ],
  ['queries of the pool', () => pool.query('select pg_advisory_xact_lock_shared(7)')],
])('%s of one account that hold connections leave others free for another account', async (_what, block) => {
  const blocker = createPool({ url: database.url, max: 1, applicationName: 'blocker', onError: () => {} })
  const lock = await blocker.connect()
  await lock.query('select pg_advisory_lock(7)')
  const waiting = Promise.all(Array.from({ length: 20 }, () => of('heavy', () => block().then(() => 1))))
  await expect.poll(countBlocked).toBe(max / 2)
  const others = Array.from({ length: 10 }, () => of('light', () => prisma.account.count()))
  expect(await Promise.all(others)).toHaveLength(10)
  expect(await countBlocked()).toBe(max / 2)
  expect(pool.waitingCount).toBe(20 - max / 2)
  await lock.query('select pg_advisory_unlock(7)')
  lock.release()
  await blocker.end()
  expect(await waiting).toHaveLength(20)
  expect(pool.waitingCount).toBe(0)
})

test('a failed statement and a failed connection give their slots back', async () => {
  const failures = Array.from({ length: 3 * max }, () =>
    of('a', () => pool.query('select 1/0').catch(String)),
  )
  expect(await Promise.all(failures)).toEqual(Array(3 * max).fill('error: division by zero'))
  expect(await of('a', () => prisma.account.count())).toBe(0)

  const unreachable = shareFairly(
    createPool({ url: 'postgres://127.0.0.1:1/none', max: 2, applicationName: 'none', onError: () => {} }),
  )
  const refused = Array.from({ length: 5 }, () => of('a', () => unreachable.query('select 1').catch(String)))
  for (const error of await Promise.all(refused)) expect(error).toContain('ECONNREFUSED')
  await unreachable.end()
})
