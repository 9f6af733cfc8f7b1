import type { Pool } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { idPrefixes, newId } from '../../src/ids.ts'
import { createPool } from '../../src/postgres/client.ts'
import { readState } from '../../src/server/state-metrics.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { insertRun } from '../support/insert-run.ts'

const hour = 3_600

let gateway: TestGateway
let pool: Pool
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway({ config: { role: 'gateway', demo: false } })
  account = await gateway.createAccount()
  pool = createPool({ url: gateway.database.url, max: 1, applicationName: 'test', onError: () => {} })
})
afterAll(async () => {
  await pool.end()
  await gateway[Symbol.asyncDispose]()
})

function hoursAgo(hours: number): Date {
  return new Date(Date.now() - hours * hour * 1000)
}

test('the state of an empty database is zero, not unknown', async () => {
  await gateway.database.query('delete from report_gateway.ledger_coverage')
  expect(await readState(pool)).toEqual({
    runs: { PENDING: 0, RUNNING: 0, CANCELING: 0 },
    waitingForData: 0,
    oldestWaiting: 0,
    schedules: { active: 0, failing: 0, stopped: 0, paused: 0 },
    scheduleDelay: 0,
    events: 0,
    eventBytes: expect.any(Number),
    oldestEvent: 0,
    dataAges: null,
  })
})

test('what is stuck in any account is seen, and what has ended is not', async () => {
  const other = await gateway.createAccount({ livemode: true })
  const { prisma } = gateway
  await insertRun(prisma, account, { createdAt: hoursAgo(9), dataNeededUntil: hoursAgo(-1) })
  await insertRun(prisma, account, { createdAt: hoursAgo(8), queuedAt: hoursAgo(2) })
  await insertRun(prisma, other, { createdAt: hoursAgo(3) })
  await insertRun(prisma, other, { createdAt: hoursAgo(5), status: 'RUNNING' })
  await insertRun(prisma, other, { createdAt: hoursAgo(90), status: 'FAILED' })
  for (const { accountId, livemode } of [account, other])
    await prisma.eventLogHead.create({ data: { accountId, livemode, position: 7n } })
  const event = { runVersion: 1, kind: 'STATUS_CHANGED', toStatus: 'PENDING', runId: 'frr_1' } as const
  const { accountId, livemode } = other
  await prisma.reportRunEvent.createMany({
    data: [5n, 6n, 7n].map((position) => ({
      ...event,
      accountId,
      livemode,
      position,
      occurredAt: hoursAgo(12),
    })),
  })
  const schedule = {
    ...{
      accountId,
      livemode,
      requestedById: other.apiKeyId,
      reportType: 'balance.summary.1',
      parameters: {},
    },
    ...{
      formats: ['CSV' as const],
      compression: 'NONE' as const,
      retentionMilliseconds: 1n,
      createdAt: new Date(),
    },
  }
  await prisma.reportSchedule.createMany({
    data: [
      { isActive: true, nextRunAt: hoursAgo(1) },
      { isActive: true, nextRunAt: hoursAgo(-1), lastError: 'No data.' },
      { isActive: false, lastError: 'The key was revoked.' },
      { isActive: false },
      { isActive: false },
    ].map((fields, at) => ({ ...schedule, ...fields, id: newId(idPrefixes.reportSchedule, new Date(at)) })),
  })
  const ledger = { livemode, availableFrom: hoursAgo(900), updatedAt: new Date() }
  await prisma.ledgerCoverage.createMany({
    data: [1, 24, 100].map((age) => ({ ...ledger, accountId: `acct_${age}`, availableUntil: hoursAgo(age) })),
  })

  const state = await readState(pool)
  expect(state).toMatchObject({
    runs: { PENDING: 3, RUNNING: 1, CANCELING: 0 },
    waitingForData: 1,
    schedules: { active: 1, failing: 1, stopped: 1, paused: 2 },
    events: 3,
  })
  expect(state.eventBytes).toBeGreaterThan(8_000)
  const ages = [state.oldestWaiting, state.scheduleDelay, state.oldestEvent, ...(state.dataAges ?? [])]
  expect(ages.map((seconds) => Math.round(seconds / hour))).toEqual([3, 1, 12, 1, 24, 100])
})

test('a database that does not answer makes these metrics unknown, and no other', async () => {
  await gateway.database.query('alter table report_gateway.event_log_heads rename to elsewhere')
  await expect
    .poll(async () => (await fetch(`${gateway.url}/metrics`)).text(), { timeout: 20_000 })
    .toMatch(/^report_gateway_oldest_waiting_run_seconds Nan$/m)
  const response = await fetch(`${gateway.url}/metrics`)
  expect(response.status).toBe(200)
  const text = await response.text()
  expect(text).not.toMatch(/^report_gateway_schedules\{/m)
  expect(text).toMatch(/^report_gateway_http_request_duration_seconds_count\{.*"\/metrics"/m)
  await gateway.database.query('alter table report_gateway.elsewhere rename to event_log_heads')
})
