import pino from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { noMetrics } from '../../../src/metrics.ts'
import { jobIdOf, type Queue, reportRunQueue, startQueue } from '../../../src/postgres/queue.ts'
import { builtInReportTypes, createCatalog } from '../../../src/reports/catalog.ts'
import { type ReleaseServices, releaseRuns, requeueOrphans } from '../../../src/runs/lifecycle/release.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import { insertRun } from '../../support/insert-run.ts'
import { cancel, create, created, retry, type ShownRun } from '../../support/run-mutations.ts'
import { createSlowRun, endOf, slowReport } from '../../support/slow-report.ts'

// Has no worker; tests start their own.
let gateway: TestGateway
let queue: Queue
const logger = pino({ level: 'silent' })
const reportTypes = [...builtInReportTypes, slowReport]

beforeAll(async () => {
  gateway = await startTestGateway({ reportTypes, config: { role: 'gateway', accountConcurrency: 1 } })
  queue = await startQueue({ url: gateway.database.url, isWorker: false, onError: () => {} })
})
afterAll(async () => {
  await queue.stop()
  await gateway[Symbol.asyncDispose]()
})

function startWorker() {
  return startTestGateway({
    reportTypes,
    config: { role: 'worker', accountConcurrency: 1 },
    database: gateway.database,
    dataDir: gateway.dataDir,
  })
}

function day(days: number): string {
  const midnight = Math.floor(Date.now() / 86_400_000) * 86_400_000
  return new Date(midnight + days * 86_400_000).toISOString()
}

/** Sets the ledger coverage of the account: from ten days ago until `until` days from now. */
function cover({ accountId, livemode }: TestAccount, until: number): Promise<unknown> {
  const dates = { availableFrom: day(-10), availableUntil: day(until), updatedAt: new Date() }
  return gateway.prisma.ledgerCoverage.upsert({
    where: { accountId_livemode: { accountId, livemode } },
    create: { accountId, livemode, ...dates },
    update: dates,
  })
}

function balance(start: number, end: number, more: object = {}) {
  return {
    report: { balanceSummary1: { interval: { between: { start: day(start), end: day(end) } } } },
    waitForData: true,
    ...more,
  }
}

function waitingRun(account: TestAccount, end: number, more: object = {}): Promise<ShownRun> {
  return created(account.client, balance(-5, end, more))
}

type Place = { position: number; estimatedStartAt: string | null; waitingFor: string } | null
async function readRun({ client }: TestAccount, id: string) {
  return (
    await client.request<{
      reportRun: {
        status: string
        queue: Place
        pollAfter: string | null
        failure: { message: string } | null
      }
    }>(
      `query ($id: ID!) { reportRun(id: $id) {
        status pollAfter queue { position estimatedStartAt waitingFor } failure { message } } }`,
      { id },
    )
  ).reportRun
}

function jobsOf(runId: string) {
  return queue.boss.findJobs(reportRunQueue, { data: { runId } })
}

function setPriority(runId: string, priority: number) {
  return queue.boss.update(reportRunQueue, undefined, { id: jobIdOf(runId), priority })
}

async function eventsOf(runId: string): Promise<string[]> {
  return (await gateway.prisma.reportRunEvent.findMany({ where: { runId }, orderBy: { position: 'asc' } }))
    .filter(({ kind }) => kind !== 'PROGRESSED')
    .map(({ kind, toStatus }) => `${kind} ${toStatus}`)
}

function release(other: Partial<ReleaseServices> = {}): Promise<void> {
  const { prisma } = gateway
  const wakeUp = {
    notify: () => {},
    announceJob: () => {},
    onWake: () => {},
    onKeyChange: () => {},
    isConnected: () => true,
    stop: async () => {},
  }
  const catalog = createCatalog(reportTypes)
  const deps = { prisma, queue, wakeUp, catalog, metrics: noMetrics, logger, now: () => new Date(), ...other }
  return releaseRuns(deps, new AbortController().signal)
}

describe('a run that can wait for data', () => {
  test('waits without a job, and reports what it waits for', async () => {
    const account = await gateway.createAccount()
    await cover(account, 0)
    const { id, status } = await waitingRun(account, 1)
    expect(status).toBe('PENDING')
    await release()
    await requeueOrphans(gateway.prisma, queue, logger)
    expect(await jobsOf(id)).toEqual([])
    expect((await readRun(account, id)).queue).toEqual({
      position: 1,
      estimatedStartAt: null,
      waitingFor: 'DATA_AVAILABILITY',
    })
    // The run now looks an hour old.
    const { prisma } = gateway
    await prisma.reportRun.update({ where: { id }, data: { createdAt: new Date(Date.now() - 3_600_000) } })
    const inSeconds = (Date.parse((await readRun(account, id)).pollAfter ?? '') - Date.now()) / 1000
    expect(inSeconds).toBeGreaterThan(200)
    // The time of the database can be a little ahead of the one of the test.
    expect(inSeconds).toBeLessThan(301)
  })

  test('is queued at once when the data is available', async () => {
    const account = await gateway.createAccount()
    await cover(account, 0)
    const { id } = await waitingRun(account, 0)
    expect(await jobsOf(id)).toHaveLength(1)
    expect((await readRun(account, id)).queue?.waitingFor).toBe('WORKER')
  })

  test.each([
    ['starts before the data', balance(-11, 1), 'start', /is available from/],
    ['is reversed', balance(3, 2), 'end', /is reversed/],
    ['ends after more than a year', balance(-5, 400), 'end', /at most 366 days from now/],
    [
      'ends after the data, without waitForData',
      balance(-5, 1, { waitForData: false }),
      'end',
      /is available from/,
    ],
  ])('is rejected when its interval %s', async (_what, input, field, message) => {
    const account = await gateway.createAccount()
    await cover(account, 0)
    const { reportRun, userErrors } = await create(account.client, input)
    expect(reportRun).toBeNull()
    expect(userErrors).toEqual([
      expect.objectContaining({
        code: 'INVALID_VALUE',
        message: expect.stringMatching(message),
        path: ['input', 'report', 'balanceSummary1', 'interval', 'between', field],
      }),
    ])
    expect(await gateway.prisma.reportRun.count({ where: { accountId: account.accountId } })).toBe(0)
  })

  test('fails when it must start before the data is available, and names the missing data', async () => {
    const account = await gateway.createAccount()
    const { id } = await waitingRun(account, 1, { startWithin: 'PT1S' })
    const { status, failure } = await endOf(account.client, id)
    expect(status).toBe('FAILED')
    expect(failure).toMatchObject({ code: 'NOT_STARTED_IN_TIME' })
    expect(failure?.message).toContain(`the data up to ${day(1)} was not available by then`)
    await cover(account, 1)
    await release()
    expect(await eventsOf(id)).toEqual(['STATUS_CHANGED PENDING', 'STATUS_CHANGED FAILED'])
  })

  test('can be canceled, and its retry waits again', async () => {
    const account = await gateway.createAccount()
    const { id } = await waitingRun(account, 1)
    await cancel(account.client, id)
    expect((await readRun(account, id)).status).toBe('CANCELED')
    // The query for waiting runs no longer finds it.
    const row = await gateway.prisma.reportRun.findUniqueOrThrow({ where: { id } })
    expect(row.dataNeededUntil).toBeNull()
    const { reportRun } = await retry(account.client, id)
    expect((await readRun(account, reportRun?.id ?? '')).queue?.waitingFor).toBe('DATA_AVAILABILITY')
    await cover(account, 1)
    await release()
    expect(await jobsOf(id)).toEqual([])
    expect(await jobsOf(reportRun?.id ?? '')).toHaveLength(1)
  })

  test('is the run of its idempotency key', async () => {
    const account = await gateway.createAccount()
    const input = balance(-5, 1, { idempotencyKey: 'waits' })
    const { id } = await created(account.client, input)
    expect(await create(account.client, input)).toMatchObject({ wasReused: true, reportRun: { id } })
  })

  test('does not affect the queue position of a new run', async () => {
    const account = await gateway.createAccount()
    const queued = await createSlowRun(account.client)
    // As if it had been queued far in the future.
    await setPriority(queued, -2_000_000_000)
    for (let i = 0; i < 8; i++) await waitingRun(account, 1)
    const last = await createSlowRun(account.client)
    expect((await readRun(account, last)).queue?.position).toBe(2)
    expect(await jobsOf(last)).toEqual([expect.objectContaining({ priority: -2_000_000_000 })])
  })
})

describe('when data becomes available', () => {
  test('only the runs that it covers are queued, at the end of the queue', async () => {
    const account = await gateway.createAccount()
    const [tomorrow, later] = [await waitingRun(account, 1), await waitingRun(account, 2)]
    const elsewhere = await waitingRun(await gateway.createAccount(), 1)
    const queued = [await createSlowRun(account.client), await createSlowRun(account.client)]
    expect((await readRun(account, tomorrow.id)).queue?.position).toBe(3)
    await cover(account, 1)
    await release()
    expect(await jobsOf(tomorrow.id)).toHaveLength(1)
    for (const { id } of [later, elsewhere]) expect(await jobsOf(id)).toEqual([])
    queued.push(await createSlowRun(account.client))
    const places = await Promise.all(
      [...queued, tomorrow.id, later.id].map(async (id) => (await readRun(account, id)).queue),
    )
    expect(places.map((place) => place?.position)).toEqual([1, 2, 4, 3, 5])
    expect(places[4]?.waitingFor).toBe('DATA_AVAILABILITY')
  })

  test('a run is queued once, however many processes release runs at once', async () => {
    const account = await gateway.createAccount()
    const { id } = await waitingRun(account, 1)
    await cover(account, 1)
    await Promise.all(Array.from({ length: 8 }, () => release()))
    expect(await jobsOf(id)).toHaveLength(1)
    expect(await eventsOf(id)).toEqual(['STATUS_CHANGED PENDING', 'UPDATED PENDING'])
  })

  test('a release that fails is rolled back, and the next one queues the run', async () => {
    const account = await gateway.createAccount()
    const { id } = await waitingRun(account, 1)
    await cover(account, 1)
    const enqueue: Queue['enqueue'] = async (...job) => {
      await queue.enqueue(...job)
      throw new Error('The connection broke.')
    }
    await release({ queue: { ...queue, enqueue } })
    expect(await jobsOf(id)).toEqual([])
    expect(await eventsOf(id)).toEqual(['STATUS_CHANGED PENDING'])
    await release()
    expect(await jobsOf(id)).toHaveLength(1)
  })

  test('a type whose availability cannot be read does not block the others', async () => {
    const account = await gateway.createAccount()
    const { id } = await waitingRun(account, 1)
    const [first] = builtInReportTypes
    if (!first) throw new Error('There are no report types.')
    const fails = async () => {
      throw new Error('No answer.')
    }
    const catalog = createCatalog([...reportTypes, { ...first, name: 'a.broken.1', availability: fails }])
    const gone = { dataNeededUntil: new Date(0), waitForData: true }
    await insertRun(gateway.prisma, account, { ...gone, reportType: 'a.broken.1' })
    await insertRun(gateway.prisma, account, { ...gone, reportType: 'a.retired.1' })
    await cover(account, 1)
    await release({ catalog })
    expect(await jobsOf(id)).toHaveLength(1)
  })
})

test('two workers run each run once, also when its data arrived before they started; a run that still waits does not block others', async () => {
  const account = await gateway.createAccount()
  const forLater = await waitingRun(account, 2)
  const covered = [await waitingRun(account, 1), await waitingRun(account, 1)]
  await cover(account, 1)
  await using cleanup = new AsyncDisposableStack()
  for (const worker of await Promise.all([startWorker(), startWorker()])) cleanup.use(worker)
  const ids = [await createSlowRun(account.client), ...covered.map(({ id }) => id)]
  const ends = await Promise.all(ids.map((id) => endOf(account.client, id)))
  expect(ends.map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED'])
  expect((await readRun(account, forLater.id)).status).toBe('PENDING')
  await cover(account, 2)
  expect((await endOf(account.client, forLater.id)).status).toBe('SUCCEEDED')
  for (const { id } of [...covered, forLater]) {
    expect(await eventsOf(id)).toEqual([
      'STATUS_CHANGED PENDING',
      'UPDATED PENDING',
      'STATUS_CHANGED RUNNING',
      'STATUS_CHANGED SUCCEEDED',
    ])
  }
})
