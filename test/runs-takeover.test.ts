import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Prisma } from '../src/database/client.ts'
import type { ReportRun } from '../src/database/generated/prisma/client.ts'
import { createCatalog } from '../src/reports/catalog.ts'
import { cancelRun } from '../src/runs/cancel-run.ts'
import { transition } from '../src/runs/transition.ts'
import { runReport } from '../src/worker/run-report.ts'
import { insertRun } from './insert-run.ts'
import { openRunParts, type RunParts } from './run-parts.ts'
import { slowReport, storedFiles } from './slow-report.ts'

let parts: RunParts
beforeAll(async () => {
  parts = await openRunParts()
})
afterAll(() => parts[Symbol.asyncDispose]())

const now = (): Date => new Date()

/** Lets a worker do one run, as the queue does. */
const work = (id: string, prisma: Prisma = parts.prisma): Promise<void> =>
  runReport(
    { ...parts, prisma, exportPool: parts.pool, catalog: createCatalog([slowReport]), now },
    id,
    new AbortController().signal,
  )

/** A run as a worker leaves it that was killed. */
const insertOrphan = (status: 'RUNNING' | 'CANCELING', parameters = {}): Promise<ReportRun> =>
  insertRun(parts.prisma, parts.owner, {
    reportType: slowReport.name,
    parameters,
    status,
    execution: 1,
    startedAt: new Date(),
  })

const runNow = (id: string): Promise<ReportRun> => parts.prisma.reportRun.findUniqueOrThrow({ where: { id } })

const filesOf = async (id: string): Promise<string[]> =>
  (await storedFiles(parts.dataDir)).filter((file) => file.includes(id))

const leaveHalfFile = async (id: string): Promise<void> => {
  const folder = join(parts.dataDir, 'files', parts.owner.accountId, 'test', id)
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'file_half.part'), '"number"\n')
}

const cancel = (id: string): Promise<ReportRun> => cancelRun({ ...parts, now }, parts.owner, id, null)

/** A client that lets something happen after it has read a run for the first time. */
const afterFirstLook = (happens: () => Promise<unknown>): Prisma => {
  let isFirst = true
  const extended = parts.prisma.$extends({
    query: {
      reportRun: {
        findUnique: async ({ args, query }) => {
          const found = await query(args)
          if (isFirst) {
            isFirst = false
            await happens()
          }
          return found
        },
      },
    },
  })
  // The extended client has every method that a worker uses; only the type says that some others are gone.
  return extended as unknown as Prisma
}

test('a run whose worker was killed is made anew, without what was left of it', async () => {
  const { id } = await insertOrphan('RUNNING')
  await leaveHalfFile(id)
  await work(id)
  expect(await runNow(id)).toMatchObject({ status: 'SUCCEEDED', execution: 2, rowCount: 10n })
  const [result] = await parts.prisma.reportFile.findMany({ where: { runId: id } })
  expect(await filesOf(id)).toEqual([expect.stringContaining(result?.id ?? 'no file')])
})

test('a run whose worker was killed before it could stop is CANCELED, and nothing is left of it', async () => {
  const { id } = await insertOrphan('CANCELING')
  await leaveHalfFile(id)
  await work(id)
  expect(await runNow(id)).toMatchObject({ status: 'CANCELED', execution: 1 })
  expect(await filesOf(id)).toEqual([])
})

test('a run that is asked to stop just while it is taken up again is CANCELED', async () => {
  const { id } = await insertOrphan('RUNNING')
  await work(
    id,
    afterFirstLook(() => cancel(id)),
  )
  expect(await runNow(id)).toMatchObject({ status: 'CANCELED', execution: 1 })
})

test('a run that another worker takes up at the same moment is left to it', async () => {
  const { id } = await insertOrphan('RUNNING')
  const takeUp = () => parts.prisma.reportRun.update({ where: { id }, data: { execution: 2 } })
  await work(id, afterFirstLook(takeUp))
  expect(await runNow(id)).toMatchObject({ status: 'RUNNING', execution: 2, version: 1 })
})

test('a worker that was overtaken changes nothing any more, and leaves no file', async () => {
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

test('a worker stops when its run was ended by another', async () => {
  const { id } = await insertOrphan('RUNNING', { count_seconds: '30' })
  const working = work(id)
  await expect.poll(async () => (await runNow(id)).execution).toBe(2)
  await transition({ ...parts, now }, { runId: id, from: 'RUNNING', to: 'CANCELED' })
  await working
  expect(await runNow(id)).toMatchObject({ status: 'CANCELED', failureCode: null })
  expect(parts.logged.filter(({ runId, level }) => runId === id && Number(level) > 30)).toEqual([])
})

test('the file stays when the run has succeeded and only the answer to the commit was lost', async () => {
  const { id } = await insertOrphan('RUNNING')
  let isLost = false
  const losesAnswer = new Proxy(parts.prisma, {
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
  await work(id, losesAnswer)
  expect(await runNow(id)).toMatchObject({ status: 'SUCCEEDED', failureCode: null })
  expect(await filesOf(id)).toHaveLength(1)
  expect(isLost).toBe(true)
})
