import { afterAll, beforeAll, expect, test } from 'vitest'
import { runEvery } from '../../../src/run-every.ts'
import { endLateRuns } from '../../../src/runs/lifecycle/deadlines.ts'
import { openWorkerParts, type WorkerParts } from '../../support/worker-parts.ts'

let parts: WorkerParts
beforeAll(async () => {
  parts = await openWorkerParts()
})
afterAll(() => parts[Symbol.asyncDispose]())

function watchDeadlines(prisma = parts.prisma): AsyncDisposable {
  const deps = { ...parts, prisma, now: () => new Date() }
  const { stop } = runEvery({
    task: (signal) => endLateRuns(deps, signal),
    milliseconds: 1_000,
    logger: parts.logger,
    failureMessage: 'Runs past their deadline could not be ended; trying again.',
  })
  return { [Symbol.asyncDispose]: stop }
}

function soon(): Date {
  return new Date(Date.now() + 500)
}
async function statusOf(id: string): Promise<string> {
  return (await parts.runNow(id)).status
}

function finalEvents(runId: string): Promise<number> {
  return parts.prisma.reportRunEvent.count({
    where: { runId, kind: 'STATUS_CHANGED', toStatus: { in: ['SUCCEEDED', 'FAILED', 'CANCELED'] } },
  })
}

test('a run that no worker starts in time is FAILED', async () => {
  await using _deadlines = watchDeadlines()
  const { id } = await parts.createRun({ deadlineAt: soon(), traceId: 'a'.repeat(32) })
  await expect.poll(() => statusOf(id), { timeout: 4_000 }).toBe('FAILED')
  expect(await parts.runNow(id)).toMatchObject({
    failureCode: 'NOT_STARTED_IN_TIME',
    failureIsRetryable: true,
    failureMessage: expect.stringContaining('startWithin'),
    finishedAt: expect.any(Date),
    startedAt: null,
    runMilliseconds: null,
    traceId: 'a'.repeat(32),
    deadlineAt: null,
  })
  // A worker that takes its job does nothing.
  await using _worker = await parts.startWorker()
  await parts.createRun().then(({ id: next }) => expect.poll(() => statusOf(next)).toBe('SUCCEEDED'))
  expect(await statusOf(id)).toBe('FAILED')
  expect(await finalEvents(id)).toBe(1)
})

test('a run that takes too long is FAILED, and its resources are released', async () => {
  await using _deadlines = watchDeadlines()
  await using _worker = await parts.startWorker({ concurrency: 1, accountConcurrency: 1 })
  const { id } = await parts.createRun({
    parameters: { rows: '1000', row_seconds: '0.1', width: '9000' },
    timeoutMilliseconds: 1_000n,
  })
  await expect.poll(async () => (await parts.filesOf(id)).length, { timeout: 5_000 }).toBe(1)
  const { startedAt, deadlineAt } = await parts.runNow(id)
  expect(Number(deadlineAt) - Number(startedAt)).toBe(1_000)
  await expect.poll(() => statusOf(id), { timeout: 5_000 }).toBe('FAILED')
  const freed = { timeout: 1_500 }
  await expect.poll(() => parts.filesOf(id), freed).toEqual([])
  const active = `select from pg_stat_activity where datname = current_database() and query like 'copy%' and state = 'active'`
  await expect.poll(() => parts.database.query(active), freed).toEqual([])
  const run = await parts.runNow(id)
  expect(run).toMatchObject({
    failureCode: 'TIMED_OUT',
    failureIsRetryable: true,
    execution: 1,
    deadlineAt: null,
  })
  expect(run.runMilliseconds).toBeGreaterThanOrEqual(1_000n)
  expect(run.failureMessage).toContain('1000 ms')
  expect(await finalEvents(id)).toBe(1)
  const { id: next } = await parts.createRun()
  await expect.poll(() => statusOf(next), { timeout: 2_500 }).toBe('SUCCEEDED')
})

test('a run whose timeout passes while no worker is alive is FAILED', async () => {
  await using _deadlines = watchDeadlines()
  const { id } = await parts.createRun({
    status: 'RUNNING',
    execution: 1,
    startedAt: new Date(),
    deadlineAt: soon(),
    timeoutMilliseconds: 500n,
  })
  await expect.poll(() => statusOf(id), { timeout: 4_000 }).toBe('FAILED')
  expect(await parts.runNow(id)).toMatchObject({ failureCode: 'TIMED_OUT' })
})

test('runs that ended in time do not change', async () => {
  await using _deadlines = watchDeadlines()
  await using _worker = await parts.startWorker()
  const { id } = await parts.createRun({
    deadlineAt: new Date(Date.now() + 5_000),
    timeoutMilliseconds: 300n,
  })
  await expect.poll(() => statusOf(id)).toBe('SUCCEEDED')
  const late = await parts.createRun({ deadlineAt: soon() })
  await expect.poll(() => statusOf(late.id), { timeout: 4_000 }).not.toBe('PENDING')
  expect(await parts.runNow(id)).toMatchObject({ status: 'SUCCEEDED', deadlineAt: null, failureCode: null })
})

test('late runs are found again after a database outage, which is logged once', async () => {
  let isDown = true
  let attempts = 0
  const prisma = new Proxy(parts.prisma, {
    get: (target, name) => {
      if (name !== 'reportRun') return Reflect.get(target, name)
      attempts++
      if (isDown) throw new Error('Connection terminated')
      return target.reportRun
    },
  })
  await using _deadlines = watchDeadlines(prisma)
  const { id } = await parts.createRun({ deadlineAt: soon() })
  await expect.poll(() => attempts, { timeout: 5_000 }).toBeGreaterThan(2)
  isDown = false
  await expect.poll(() => statusOf(id), { timeout: 4_000 }).toBe('FAILED')
  expect(parts.logged.filter(({ msg }) => /past their deadline/.test(String(msg)))).toHaveLength(1)
})
