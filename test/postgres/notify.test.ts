import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { noMetrics } from '../../src/metrics.ts'
import { createPool } from '../../src/postgres/client.ts'
import { startWakeUp } from '../../src/postgres/notify.ts'
import { jobChannel, reportRunQueue } from '../../src/postgres/queue.ts'
import { openRunParts, type RunParts } from '../support/run-parts.ts'
import { noteStatements } from '../support/sent-statements.ts'

let parts: RunParts
beforeAll(async () => {
  parts = await openRunParts()
})
afterAll(() => parts[Symbol.asyncDispose]())

function connectionsOf(applicationName: string): Promise<{ pid: number }[]> {
  return parts.database.query(
    'select pid from pg_stat_activity where datname = current_database() and application_name = $1',
    [applicationName],
  )
}

test('a broken wake-up connection reconnects, and wakes the readers of all logs', async () => {
  const pool = createPool({
    url: parts.database.url,
    max: 1,
    applicationName: 'wake-up test',
    onError: () => {},
  })
  await using _pool = { [Symbol.asyncDispose]: () => pool.end() }
  const own = await startWakeUp(parts.database.url, pool, parts.logger, { metrics: noMetrics })
  const woken: (string | null)[] = []
  own.onWake((who) => woken.push(who?.accountId ?? null))
  const wakeUps = await connectionsOf('report-gateway wake-up')
  await parts.database.query('select pg_terminate_backend(pid) from unnest($1::int[]) as pid', [
    wakeUps.map(({ pid }) => pid),
  ])
  await vi.waitFor(() => expect(woken).toEqual([null]), 30_000)
  own.notify(parts.owner)
  await vi.waitFor(() => expect(woken).toContain(parts.owner.accountId), 30_000)
  await own.stop()
})

test('a pending notification is sent when it stops', async () => {
  const woken: (string | undefined)[] = []
  parts.wakeUp.onWake((who) => woken.push(who?.accountId))
  const own = await startWakeUp(parts.database.url, parts.pool, parts.logger, { metrics: noMetrics })
  own.notify(parts.owner)
  await own.stop()
  await vi.waitFor(() => expect(woken).toEqual([parts.owner.accountId]))
})

test('the first notification is sent at once, with all others of the same moment', async () => {
  const own = await startWakeUp(parts.database.url, parts.pool, parts.logger, { metrics: noMetrics })
  using sent = noteStatements()
  for (let i = 0; i < 5; i++) own.notify({ ...parts.owner, accountId: `acct_${i}` })
  own.announceJob()
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  const values = sent.statements().map((statement) => statement.values)
  expect(values).toEqual([
    [
      [...Array(5).fill('report_gateway_events'), jobChannel],
      [...[0, 1, 2, 3, 4].map((i) => `acct_${i}:test`), reportRunQueue],
    ],
  ])
  await own.stop()
})

test('a stop during a reconnection leaves no connection', async () => {
  const { length: before } = await connectionsOf('report-gateway wake-up')
  const pool = createPool({
    url: parts.database.url,
    max: 1,
    applicationName: 'wake-up test',
    onError: () => {},
  })
  await using _pool = { [Symbol.asyncDispose]: () => pool.end() }
  for (let i = 0; i < 10; i++) {
    const known = await connectionsOf('report-gateway wake-up')
    const own = await startWakeUp(parts.database.url, pool, parts.logger, { metrics: noMetrics })
    const all = await connectionsOf('report-gateway wake-up')
    const mine = all.filter(({ pid }) => !known.some((other) => other.pid === pid))
    expect(mine).toHaveLength(1)
    await parts.database.query('select pg_terminate_backend($1)', [mine[0]?.pid])
    for (let turns = 0; turns < i; turns++) await new Promise(setImmediate)
    await own.stop()
  }
  await vi.waitFor(async () => expect(await connectionsOf('report-gateway wake-up')).toHaveLength(before))
})
