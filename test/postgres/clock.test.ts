import pino from 'pino'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createPool } from '../../src/postgres/client.ts'
import { startClock } from '../../src/postgres/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

const hour = 3_600_000

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())

test.each([hour, -hour])(
  'the time is that of the database on a machine whose clock is %i ms off, also when that is set later',
  async (off) => {
    const logged: { msg: string; clockSkewMilliseconds: number }[] = []
    const logger = pino({}, { write: (line: string) => void logged.push(JSON.parse(line)) })
    const pool = createPool({ url: database.url, max: 2, applicationName: 'test', onError: () => {} })
    const realNow = Date.now
    using dateNow = vi.spyOn(Date, 'now').mockImplementation(() => realNow() + off)
    const clock = await startClock(pool, logger)
    const [row] = await database.query<{ now: Date }>('select clock_timestamp() as now')
    // A ratio: the measurements are microseconds apart on an idle machine, and an hour is wrong.
    expect(Math.abs(clock.now().getTime() - (row?.now.getTime() ?? 0))).toBeLessThan(hour / 60)
    expect(Math.abs(clock.skewMilliseconds() - off)).toBeLessThan(hour / 60)
    expect(logged.map(({ msg }) => msg.replace(/[\d.]+/, 'N'))).toEqual([
      `The clock of this machine is N s ${off > 0 ? 'ahead of' : 'behind'} the database's. The database's time is used.`,
    ])

    const before = clock.now().getTime()
    dateNow.mockImplementation(() => realNow())
    expect(clock.now().getTime() - before).toBeGreaterThanOrEqual(0)
    expect(clock.now().getTime() - before).toBeLessThan(hour / 60)
    await clock.stop()
    await pool.end()
  },
)

test('a measurement on a silently lost connection does not leave it in the pool', async () => {
  await using proxy = await startTcpProxy(database.url)
  const url = proxy.through(database.url)
  const options = { max: 1, statementMilliseconds: 500, applicationName: 'test', onError: () => {} }
  const pool = createPool({ url, ...options })
  const clock = await startClock(pool, pino({ enabled: false }))
  expect(pool.totalCount).toBe(1)
  proxy.swallow()
  clock.follow({ onWake: (listener) => listener(null) })
  await expect.poll(() => pool.totalCount, { timeout: 10_000 }).toBe(0)
  await clock.stop()
  await pool.end()
})
