import { afterAll, beforeAll, expect, test } from 'vitest'
import { createKeyUse } from '../../src/auth/key-use.ts'
import { createKeyWatch } from '../../src/auth/key-watch.ts'
import { jobIdOf, reportRunQueue } from '../../src/postgres/queue.ts'
import { createCatalog } from '../../src/reports/catalog.ts'
import { createRunLoader } from '../../src/runs/list/find-run.ts'
import { listIntervalJobs } from '../../src/server/background-jobs.ts'
import { slowReport } from '../support/slow-report.ts'
import { openWorkerParts, type WorkerParts } from '../support/worker-parts.ts'

let parts: WorkerParts
beforeAll(async () => {
  parts = await openWorkerParts()
})
afterAll(() => parts[Symbol.asyncDispose]())

/** Runs each interval job of a process of the role once. */
async function runAll(role: 'gateway' | 'worker'): Promise<void> {
  const services = {
    ...parts,
    runLoader: createRunLoader(parts.rows),
    catalog: createCatalog([slowReport]),
    limits: { accountConcurrency: 1, dailyRuns: 10 },
    now: () => new Date(),
  }
  const jobs = listIntervalJobs({
    role,
    eventDays: 30,
    services,
    keyWatch: createKeyWatch(services),
    keyUse: createKeyUse(services),
  })
  for (const { task } of jobs) await task(new AbortController().signal)
}

test('a worker queues a run that has lost its job again, and a gateway does not', async () => {
  const { id } = await parts.createRun()
  await parts.queue.boss.deleteJob(reportRunQueue, jobIdOf(id))
  await runAll('gateway')
  expect(await parts.queue.boss.getJobById(reportRunQueue, jobIdOf(id))).toBeNull()
  await runAll('worker')
  expect(await parts.queue.boss.getJobById(reportRunQueue, jobIdOf(id))).toMatchObject({ state: 'created' })
})

test.each(['gateway', 'worker'] as const)('a %s ends a run past its deadline', async (role) => {
  const { id } = await parts.createRun({ deadlineAt: new Date(Date.now() - 1_000) })
  await runAll(role)
  expect(await parts.runNow(id)).toMatchObject({ status: 'FAILED', failureCode: 'NOT_STARTED_IN_TIME' })
})

test('a gateway ends the watches of a key that was revoked', async () => {
  const ended: string[] = []
  const { apiKeyId } = parts.owner
  const keyWatch = createKeyWatch({ prisma: parts.prisma, now: () => new Date() })
  keyWatch.watch(apiKeyId, () => ended.push(apiKeyId))
  keyWatch.watch(apiKeyId, () => ended.push('another'))()
  await keyWatch.check()
  expect(ended).toEqual([])
  await parts.prisma.apiKey.update({ where: { id: apiKeyId }, data: { revokedAt: new Date() } })
  await keyWatch.check()
  expect(ended).toEqual([apiKeyId])
})
