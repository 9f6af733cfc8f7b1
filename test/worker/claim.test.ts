import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Prisma } from '../../src/postgres/client.ts'
import type { ReportRun } from '../../src/postgres/generated/prisma/client.ts'
import { createCatalog } from '../../src/reports/catalog.ts'
import { readLogEnd } from '../../src/runs/follow/event-log.ts'
import { cancelRun } from '../../src/runs/lifecycle/cancel.ts'
import { transition } from '../../src/runs/lifecycle/transition.ts'
import { createLastAttempt } from '../../src/worker/claim.ts'
import type { Outcome, RunClaim } from '../../src/worker/dependencies.ts'
import { runReport } from '../../src/worker/run-report.ts'
import { insertRun } from '../support/insert-run.ts'
import { openRunParts, type RunParts } from '../support/run-parts.ts'
import { slowReport, storedFiles } from '../support/slow-report.ts'

let parts: RunParts
beforeAll(async () => {
  parts = await openRunParts()
})
afterAll(() => parts[Symbol.asyncDispose]())

function now(): Date {
  return new Date()
}

type WorkOptions = Partial<RunClaim> & {
  prisma?: Prisma
  tryLastAttempt?: () => (() => void) | null
  accountConcurrency?: number
}

/** Makes a worker process one run, as the queue does. */
function work(id: string, options: WorkOptions = {}): Promise<Outcome> {
  const {
    prisma = parts.prisma,
    tryLastAttempt = createLastAttempt(),
    accountConcurrency = 100,
    ...claim
  } = options
  const limits = { accountConcurrency, runAttempts: 3 }
  const catalog = createCatalog([slowReport])
  const never = new AbortController().signal
  return runReport(
    {
      ...parts,
      prisma,
      customPool: null,
      exportPool: parts.pool,
      replicaSeconds: null,
      catalog,
      now,
      limits,
      tryLastAttempt,
    },
    { runId: id, isHeld: async () => true, lost: never, stopping: never, ...claim },
  )
}

/** A run in the state in which a killed worker leaves it. */
function insertOrphan(status: 'RUNNING' | 'CANCELING', parameters = {}, fields = {}): Promise<ReportRun> {
  return insertRun(parts.prisma, parts.owner, {
    reportType: slowReport.name,
    parameters,
    status,
    execution: 1,
    startedAt: new Date(),
    ...fields,
  })
}

function runNow(id: string): Promise<ReportRun> {
  return parts.prisma.reportRun.findUniqueOrThrow({ where: { id } })
}

async function filesOf(id: string): Promise<string[]> {
  return (await storedFiles(parts.dataDir)).filter((file) => file.includes(id))
}

async function leaveHalfFile(id: string): Promise<void> {
  const folder = join(parts.dataDir, 'files', parts.owner.accountId, 'test', id)
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'file_half.part'), '"number"\n')
}

function cancel(id: string): Promise<ReportRun> {
  return cancelRun({ ...parts, now }, parts.owner, id, null)
}

/** A client that calls a function after it has read a run for the first time. */
function afterFirstRead(interfere: () => Promise<unknown>): Prisma {
  let isFirst = true
  const extended = parts.prisma.$extends({
    query: {
      reportRun: {
        findUnique: async ({ args, query }) => {
          const found = await query(args)
          if (isFirst) {
            isFirst = false
            await interfere()
          }
          return found
        },
      },
    },
  })
  // A cast, because the type omits methods that the extended client still has.
  return extended as unknown as Prisma
}

test('a run whose worker was killed runs again, and its leftover files are removed', async () => {
  const { id } = await insertOrphan('RUNNING')
  await leaveHalfFile(id)
  await work(id)
  expect(await runNow(id)).toMatchObject({ status: 'SUCCEEDED', execution: 2, rowCount: 10n })
  const [result] = await parts.prisma.reportFile.findMany({ where: { runId: id } })
  expect(await filesOf(id)).toEqual([expect.stringContaining(result?.id ?? 'no file')])
})

test('a run whose worker was killed before it could cancel is CANCELED, and leaves no file', async () => {
  const { id } = await insertOrphan('CANCELING')
  await leaveHalfFile(id)
  await work(id)
  expect(await runNow(id)).toMatchObject({ status: 'CANCELED', execution: 1 })
  expect(await filesOf(id)).toEqual([])
})

test('a run whose cancellation is requested during the claim is CANCELED', async () => {
  const { id } = await insertOrphan('RUNNING')
  await work(id, { prisma: afterFirstRead(() => cancel(id)) })
  expect(await runNow(id)).toMatchObject({ status: 'CANCELED', execution: 1 })
})

test('a run that another worker claims at the same time is left to that worker', async () => {
  const { id } = await insertOrphan('RUNNING')
  const claim = () => parts.prisma.reportRun.update({ where: { id }, data: { execution: 2 } })
  await work(id, { prisma: afterFirstRead(claim) })
  expect(await runNow(id)).toMatchObject({ status: 'RUNNING', execution: 2, version: 1 })
})

test('a worker whose run was claimed by another changes nothing any more, and leaves no file', async () => {
  const { id } = await insertOrphan('RUNNING', { count_seconds: '0.3' })
  const working = work(id)
  await expect.poll(async () => (await runNow(id)).execution).toBe(2)
  await parts.prisma.reportRun.update({ where: { id }, data: { execution: 3 } })
  const overtaken = await runNow(id)
  await working
  expect(await runNow(id)).toEqual(overtaken)
  expect(await filesOf(id)).toEqual([])
  expect(await parts.prisma.reportFile.count({ where: { runId: id } })).toBe(0)
})

test('a worker stops when another process has ended its run', async () => {
  const { id } = await insertOrphan('RUNNING', { count_seconds: '30' })
  const working = work(id)
  await expect.poll(async () => (await runNow(id)).execution).toBe(2)
  await transition({ ...parts, now }, { runId: id, from: 'RUNNING', to: 'CANCELED' })
  await working
  expect(await runNow(id)).toMatchObject({ status: 'CANCELED', failureCode: null })
  expect(parts.logged.filter(({ runId, level }) => runId === id && Number(level) > 30)).toEqual([])
})

test('the file is kept when the run succeeded and only the response to the commit was lost', async () => {
  const { id } = await insertOrphan('RUNNING')
  let isLost = false
  const losesResponse = new Proxy(parts.prisma, {
    get: (target, name) => {
      if (name !== '$transaction') return Reflect.get(target, name)
      return async (change: Parameters<Prisma['$transaction']>[0]) => {
        const result: unknown = await target.$transaction(change)
        if (isLost || (await runNow(id)).status !== 'SUCCEEDED') return result
        isLost = true
        throw new Error('Connection lost.')
      }
    },
  })
  await work(id, { prisma: losesResponse })
  expect(await runNow(id)).toMatchObject({ status: 'SUCCEEDED', failureCode: null })
  expect(await filesOf(id)).toHaveLength(1)
  expect(isLost).toBe(true)
})

test('a run that has lost its last attempt is FAILED and does not start again', async () => {
  const { id } = await insertOrphan('RUNNING', {}, { lostExecutions: 2 })
  await leaveHalfFile(id)
  expect(await work(id)).toBe('ENDED')
  const run = await runNow(id)
  expect(run).toMatchObject({ status: 'FAILED', execution: 1, failureCode: 'INTERNAL_ERROR' })
  expect(run).toMatchObject({ failureMessage: expect.stringContaining('3 times'), failureIsRetryable: false })
  expect(await filesOf(id)).toEqual([])
})

test('a run that was handed back counts no loss', async () => {
  const { id } = await insertOrphan('RUNNING', {}, { lostExecutions: 2, isHandedBack: true })
  await work(id)
  expect(await runNow(id)).toMatchObject({ status: 'SUCCEEDED', lostExecutions: 2, isHandedBack: false })
})

test('only one run at a time has its last attempt', async () => {
  const tryLastAttempt = createLastAttempt()
  const slow = { count_seconds: '0.5' }
  const [first, second] = [
    await insertOrphan('RUNNING', slow, { lostExecutions: 1 }),
    await insertOrphan('RUNNING', {}, { lostExecutions: 1 }),
  ]
  const working = work(first.id, { tryLastAttempt })
  await expect.poll(async () => (await runNow(first.id)).execution).toBe(2)
  expect(await work(second.id, { tryLastAttempt })).toBe('WAITS')
  expect(await runNow(second.id)).toMatchObject({ execution: 1, lostExecutions: 1, version: 1 })
  expect(await working).toBe('ENDED')
  expect(await work(second.id, { tryLastAttempt })).toBe('ENDED')
  expect(await runNow(second.id)).toMatchObject({ status: 'SUCCEEDED', lostExecutions: 2 })
})

test('a worker that loses its job before the claim leaves the run alone', async () => {
  const { id } = await insertOrphan('RUNNING')
  const before = await runNow(id)
  expect(await work(id, { isHeld: async () => false })).toBe('ENDED')
  expect(await runNow(id)).toEqual(before)
})

test('a worker that resumes after another has run the report keeps the result of the other', async () => {
  const { id } = await insertOrphan('RUNNING')
  const file = join(parts.dataDir, 'files', parts.owner.accountId, 'test', id, 'file_result')
  // The other worker claims the run and stores its file between the change of the run and what follows it.
  const resumesLate = new Proxy(parts.prisma, {
    get: (target, name) => {
      if (name !== '$transaction') return Reflect.get(target, name)
      return async (change: Parameters<Prisma['$transaction']>[0]) => {
        const result: unknown = await target.$transaction(change)
        const isFirst = (await runNow(id)).execution === 2
        if (isFirst) {
          await leaveHalfFile(id)
          await writeFile(file, '"number"\n')
          await parts.prisma.reportRun.update({ where: { id }, data: { execution: 3 } })
        }
        return result
      }
    },
  })
  await work(id, { prisma: resumesLate })
  expect(await filesOf(id)).toContain(file)
})

test('a run that ended while its worker was gone is cleaned up when its job is taken again', async () => {
  const { id } = await insertOrphan('RUNNING')
  await leaveHalfFile(id)
  await transition({ ...parts, now }, { runId: id, from: 'RUNNING', to: 'FAILED' })
  expect(await work(id)).toBe('ENDED')
  expect(await filesOf(id)).toEqual([])
})

test('a run whose start deadline has passed does not start', async () => {
  const { id } = await insertRun(parts.prisma, parts.owner, {
    reportType: slowReport.name,
    deadlineAt: new Date(Date.now() - 1),
  })
  expect(await work(id)).toBe('ENDED')
  expect(await runNow(id)).toMatchObject({
    status: 'FAILED',
    failureCode: 'NOT_STARTED_IN_TIME',
    execution: 0,
    startedAt: null,
  })
})

test('a run over the limit of its account waits unchanged, and leaves no gap in the log', async () => {
  const { id } = await insertRun(parts.prisma, parts.owner, { reportType: slowReport.name })
  const running = await parts.prisma.reportRun.count({
    where: { accountId: parts.owner.accountId, status: { in: ['RUNNING', 'CANCELING'] } },
  })
  const before = [await runNow(id), await readLogEnd(parts.prisma, parts.owner)]
  expect(await work(id, { accountConcurrency: running })).toBe('WAITS')
  expect([await runNow(id), await readLogEnd(parts.prisma, parts.owner)]).toEqual(before)
  expect(await work(id, { accountConcurrency: running + 1 })).toBe('ENDED')
  expect(await runNow(id)).toMatchObject({ status: 'SUCCEEDED', execution: 1, lostExecutions: 0 })
})

test('a worker notices during the write that another has claimed its run, and stops', async () => {
  const { id } = await insertOrphan('RUNNING', { rows: '1000', row_seconds: '0.05', width: '9000' })
  const working = work(id)
  await expect.poll(async () => (await filesOf(id)).length).toBe(1)
  await parts.prisma.reportRun.update({ where: { id }, data: { execution: 3 } })
  expect(await Promise.race([working, delay(5_000, 'still running', { ref: false })])).toBe('ENDED')
  expect(await filesOf(id)).toEqual([])
})
