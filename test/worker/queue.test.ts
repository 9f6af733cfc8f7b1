import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApiKey } from '../../src/auth/api-keys.ts'
import { idPrefixes, newId } from '../../src/ids.ts'
import { jobIdOf, reportRunQueue } from '../../src/postgres/queue.ts'
import { queueSchema } from '../../src/postgres/rights.ts'
import { requeueOrphans } from '../../src/runs/lifecycle/release.ts'
import { isFinal } from '../../src/runs/lifecycle/transition.ts'
import type { RunOwner } from '../support/insert-run.ts'
import { openWorkerParts, type WorkerParts } from '../support/worker-parts.ts'

let parts: WorkerParts
beforeAll(async () => {
  parts = await openWorkerParts()
})
afterAll(() => parts[Symbol.asyncDispose]())

async function createOwner(): Promise<RunOwner> {
  const accountId = newId(idPrefixes.account, new Date())
  await parts.prisma.account.create({ data: { id: accountId, name: 'Test' } })
  const { apiKey } = await createApiKey(parts.prisma, { accountId, livemode: false, name: 'Test' })
  return { accountId, livemode: false, apiKeyId: apiKey.id }
}

async function createRuns(owner: RunOwner, count: number, parameters = {}): Promise<string[]> {
  const ids: string[] = []
  for (let i = 0; i < count; i++) ids.push((await parts.createRun({ parameters }, owner)).id)
  return ids
}

/** Status changes of an account in the order of its log. */
function changesOf({ accountId, livemode }: RunOwner) {
  return parts.prisma.reportRunEvent.findMany({
    where: { accountId, livemode, kind: 'STATUS_CHANGED' },
    orderBy: { position: 'asc' },
  })
}

function liveRuns({ accountId }: RunOwner): Promise<number> {
  return parts.prisma.reportRun.count({
    where: { accountId, status: { notIn: ['SUCCEEDED', 'FAILED', 'CANCELED'] } },
  })
}

function untilAllEnded(owner: RunOwner): Promise<void> {
  return expect.poll(() => liveRuns(owner), { interval: 100, timeout: 60_000 }).toBe(0)
}

test('the runs of an account never exceed its concurrency limit, on any number of workers', async () => {
  const owner = await createOwner()
  await createRuns(owner, 30, { count_seconds: '0.05' })
  const options = { concurrency: 4, accountConcurrency: 3 }
  await using _one = await parts.startWorker(options)
  await using _two = await parts.startWorker(options)
  await untilAllEnded(owner)

  let active = 0
  let maxActive = 0
  for (const { fromStatus, toStatus } of await changesOf(owner)) {
    if (toStatus === 'RUNNING') active++
    if (fromStatus === 'RUNNING' && isFinal(toStatus)) active--
    maxActive = Math.max(maxActive, active)
  }
  expect(maxActive).toBe(3)
  const runs = await parts.prisma.reportRun.groupBy({
    by: ['status', 'execution', 'lostExecutions'],
    where: { accountId: owner.accountId },
    _count: true,
  })
  expect(runs).toEqual([{ status: 'SUCCEEDED', execution: 1, lostExecutions: 0, _count: 30 }])
})

test('runs that wait for the limit follow each other without gaps', async () => {
  const owner = await createOwner()
  await createRuns(owner, 100)
  const options = { concurrency: 4, accountConcurrency: 3 }
  await using _one = await parts.startWorker(options)
  await using _two = await parts.startWorker(options)
  // With a gap after each three runs, until a worker polls, it would take 150 seconds.
  await untilAllEnded(owner)
})

test('an account with many runs does not delay another account', async () => {
  const [many, one] = [await createOwner(), await createOwner()]
  await createRuns(many, 200)
  const [id = ''] = await createRuns(one, 1)
  await using _worker = await parts.startWorker({ concurrency: 2 })
  await expect.poll(async () => (await parts.runNow(id)).startedAt).not.toBeNull()
  const { startedAt } = await parts.runNow(id)
  const before = await parts.prisma.reportRun.count({
    where: { accountId: many.accountId, startedAt: { lt: startedAt ?? new Date() } },
  })
  // It counts as queued a few seconds after the first of the others, which were queued a second apart.
  expect(before).toBeLessThan(20)
  await untilAllEnded(many)
})

async function startsOf(owner: RunOwner): Promise<string[]> {
  return (await changesOf(owner)).filter(({ toStatus }) => toStatus === 'RUNNING').map(({ runId }) => runId)
}

test('a run is queued behind the waiting runs of its account, even when fewer wait by then', async () => {
  const owner = await createOwner()
  const ids = await createRuns(owner, 14)
  const ended = ids.splice(0, 5)
  await parts.prisma.reportRun.updateMany({ where: { id: { in: ended } }, data: { status: 'CANCELED' } })
  ids.push(...(await createRuns(owner, 1)))
  await using _worker = await parts.startWorker({ concurrency: 1, accountConcurrency: 1 })
  await untilAllEnded(owner)
  expect(await startsOf(owner)).toEqual(ids)
})

test('with a limit of one, the runs of an account start in the order of their creation', async () => {
  const owner = await createOwner()
  const ids = await createRuns(owner, 10)
  await using _worker = await parts.startWorker({ concurrency: 1, accountConcurrency: 1 })
  // More are created while others end.
  for (let i = 0; i < 20; i++) {
    await expect.poll(async () => (await startsOf(owner)).length).toBeGreaterThan(i)
    ids.push(...(await createRuns(owner, 1)))
  }
  await untilAllEnded(owner)
  expect(await startsOf(owner)).toEqual(ids)
})

test('a run that has lost its job keeps its position', async () => {
  const owner = await createOwner()
  const ids = await createRuns(owner, 3)
  const [first = ''] = ids
  // As if they had been created a minute, and half a minute, ago.
  const createdAt = new Date(Date.now() - 60_000)
  await parts.prisma.reportRun.update({ where: { id: first }, data: { createdAt } })
  const later = ids.slice(1).map(jobIdOf)
  await parts.database.query(
    `update ${queueSchema}.job set priority = priority + 30 where id = any($1::uuid[])`,
    [later],
  )
  await parts.queue.boss.deleteJob(reportRunQueue, jobIdOf(first))
  await requeueOrphans(parts.prisma, parts.queue, parts.logger)
  await using _worker = await parts.startWorker({ concurrency: 1, accountConcurrency: 1 })
  await untilAllEnded(owner)
  expect(await startsOf(owner)).toEqual(ids)
})

test('when workers find the same run without a job at once, one of them creates the job', async () => {
  const runs = await Promise.all(Array.from({ length: 20 }, () => parts.createRun()))
  for (const { id } of runs) {
    await parts.queue.boss.complete(reportRunQueue, jobIdOf(id), {}, { includeQueued: true })
  }
  const requeue = () => requeueOrphans(parts.prisma, parts.queue, parts.logger)
  await Promise.all([requeue(), requeue(), requeue()])
  for (const { id } of runs) {
    expect(await parts.queue.boss.getJobById(reportRunQueue, jobIdOf(id))).toMatchObject({ state: 'created' })
    expect(
      parts.logged.filter(({ runId, msg }) => runId === id && /had no job/.test(String(msg))),
    ).toHaveLength(1)
  }
  // A slower worker finds a job that is already active.
  const jobs = await parts.queue.boss.fetch(reportRunQueue, { batchSize: 20 })
  expect(jobs).toHaveLength(20)
  for (const run of runs) {
    expect(await parts.prisma.$transaction((tx) => parts.queue.restore(tx, run))).toBe(false)
    expect(await parts.queue.boss.getJobById(reportRunQueue, jobIdOf(run.id))).toMatchObject({
      state: 'active',
    })
    await parts.queue.boss.complete(reportRunQueue, jobIdOf(run.id))
  }
  const id = { in: runs.map((run) => run.id) }
  await parts.prisma.reportRun.updateMany({ where: { id }, data: { status: 'CANCELED' } })
})

test('a run whose job was lost gets another', async () => {
  const run = await parts.createRun()
  const claimed = await parts.createRun({
    status: 'RUNNING',
    execution: 1,
    isHandedBack: true,
    startedAt: new Date(),
  })
  for (const { id } of [run, claimed]) {
    expect(await parts.queue.boss.getJobById(reportRunQueue, jobIdOf(id))).toMatchObject({ state: 'created' })
    await parts.queue.boss.deleteJob(reportRunQueue, jobIdOf(id))
  }
  await using _worker = await parts.startWorker({ requeueMilliseconds: 300 })
  for (const { id } of [run, claimed]) {
    await expect.poll(async () => (await parts.runNow(id)).status).toBe('SUCCEEDED')
  }
  const again = parts.logged.filter(({ runId, msg }) => runId === run.id && /had no job/.test(String(msg)))
  expect(again).toHaveLength(1)
})

test('a run whose job ended first gets another', async () => {
  const run = await parts.createRun()
  await parts.queue.boss.complete(reportRunQueue, jobIdOf(run.id), {}, { includeQueued: true })
  await using _worker = await parts.startWorker({ requeueMilliseconds: 300 })
  await expect.poll(async () => (await parts.runNow(run.id)).status).toBe('SUCCEEDED')
})

test('a worker that stops lets its report finish when there is time', async () => {
  const run = await parts.createRun({ parameters: { count_seconds: '0.7' } })
  await using worker = await parts.startWorker({ stopSeconds: 10 })
  await expect.poll(async () => (await parts.runNow(run.id)).status).toBe('RUNNING')
  await worker.stop()
  expect(await parts.runNow(run.id)).toMatchObject({ status: 'SUCCEEDED', execution: 1 })
})

test('a worker that stops hands its report back, and another claims it at once', async () => {
  const run = await parts.createRun({ parameters: { rows: '1', row_seconds: '1.5' } })
  await using first = await parts.startWorker()
  await expect.poll(async () => (await parts.runNow(run.id)).status).toBe('RUNNING')
  await using _second = await parts.startWorker()
  await first.stop()
  expect(await parts.runNow(run.id)).toMatchObject({ status: 'RUNNING', lostExecutions: 0 })
  await expect.poll(async () => (await parts.runNow(run.id)).execution, { timeout: 2_000 }).toBe(2)
  await expect.poll(async () => (await parts.runNow(run.id)).status).toBe('SUCCEEDED')
  expect(await parts.runNow(run.id)).toMatchObject({ execution: 2, lostExecutions: 0 })
})

test('a run whose type the worker does not have fails with what to configure', async () => {
  const owner = await createOwner()
  const { id } = await parts.createRun({ reportType: 'custom.absent.1' }, owner)
  await using _worker = await parts.startWorker()
  await untilAllEnded(owner)
  expect(await parts.runNow(id)).toMatchObject({
    status: 'FAILED',
    failureMessage:
      'The worker does not have the report type custom.absent.1. Give all gateways and workers the same REPORTS_DIR, then retry the run.',
    failureIsRetryable: true,
  })
})
