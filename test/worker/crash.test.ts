import { describe, type ExpectStatic, test } from 'vitest'
import { poisonReport } from '../support/poison-report.ts'
import { supervise } from '../support/supervised-workers.ts'
import { openWorkerParts, type WorkerParts } from '../support/worker-parts.ts'

async function statusOf(parts: WorkerParts, id: string): Promise<string> {
  return (await parts.runNow(id)).status
}

/** Checks that a run ended once in the log, and that its files match its end. */
async function expectEndedOnce(expect: ExpectStatic, parts: WorkerParts, id: string): Promise<void> {
  const ends = await parts.prisma.reportRunEvent.findMany({
    where: { runId: id, kind: 'STATUS_CHANGED', toStatus: { in: ['SUCCEEDED', 'FAILED', 'CANCELED'] } },
  })
  expect(ends).toHaveLength(1)
  const run = await parts.prisma.reportRun.findUniqueOrThrow({ where: { id }, include: { files: true } })
  expect(ends[0]).toMatchObject({ toStatus: run.status, runVersion: run.version })
  expect(run.files).toHaveLength(run.status === 'SUCCEEDED' ? 1 : 0)
  expect(await parts.filesOf(id)).toEqual(run.files.map((file) => expect.stringMatching(`/${file.id}$`)))
}

// Each test has its own workers and database, and waits most of the time.
describe.concurrent('after a loss', () => {
  test('another worker claims the run of a killed worker, and the run ends once', async ({ expect }) => {
    await using parts = await openWorkerParts()
    const { id } = await parts.createRun({ parameters: { rows: '40', row_seconds: '0.1', width: '9000' } })
    await using first = parts.spawnWorker()
    await expect.poll(async () => (await parts.filesOf(id)).length).toBe(1)
    // Killed before the other one starts, because on a busy machine a start takes as long as the report.
    first.child.kill('SIGKILL')
    await using _second = parts.spawnWorker()
    await expect.poll(async () => (await parts.runNow(id)).execution, { timeout: 60_000 }).toBe(2)
    expect(await parts.runNow(id)).toMatchObject({ lostExecutions: 1 })
    await expect.poll(() => statusOf(parts, id)).toBe('SUCCEEDED')
    await expectEndedOnce(expect, parts, id)
  })

  test('a report that kills its worker each time is FAILED, and the reports beside it are not', async ({
    expect,
  }) => {
    await using parts = await openWorkerParts()
    const poison = await parts.createRun({ reportType: poisonReport.name })
    const others = await Promise.all(
      Array.from({ length: 6 }, () => parts.createRun({ parameters: { rows: '3', row_seconds: '0.3' } })),
    )
    await using workers = supervise(1, () =>
      parts.spawnWorker({ CONCURRENCY: '4', ACCOUNT_CONCURRENCY: '100' }),
    )
    const runs = [poison, ...others].map(({ id }) => id)
    for (const id of runs) {
      await expect.poll(() => statusOf(parts, id), { timeout: 100_000 }).toMatch(/SUCCEEDED|FAILED/)
    }
    expect(await parts.runNow(poison.id)).toMatchObject({
      status: 'FAILED',
      failureCode: 'INTERNAL_ERROR',
      lostExecutions: 2,
      execution: 3,
    })
    expect(workers.ends()).toBe(3)
    for (const { id } of others) expect(await statusOf(parts, id)).toBe('SUCCEEDED')
    for (const id of runs) await expectEndedOnce(expect, parts, id)
  }, 130_000)

  test('a worker that was paused for too long writes nothing more, and leaves nothing', async ({
    expect,
  }) => {
    await using parts = await openWorkerParts()
    const { id } = await parts.createRun({ parameters: { rows: '40', row_seconds: '0.1', width: '9000' } })
    await using paused = parts.spawnWorker()
    await expect.poll(async () => (await parts.filesOf(id)).length).toBe(1)
    const [half] = await parts.filesOf(id)
    paused.child.kill('SIGSTOP')
    await using other = parts.spawnWorker()
    await other.ready()
    await expect.poll(async () => (await parts.runNow(id)).execution).toBe(2)
    paused.child.kill('SIGCONT')
    const ofPaused = `select from pg_stat_activity where datname = current_database() and query like 'copy%' and state = 'active'`
    await expect.poll(async () => (await parts.database.query(ofPaused)).length).toBe(1)
    expect(await parts.filesOf(id)).not.toContain(half)
    await expect.poll(() => statusOf(parts, id)).toBe('SUCCEEDED')
    const ended = await parts.runNow(id)
    expect(ended).toMatchObject({ execution: 2, lostExecutions: 1 })
    await expectEndedOnce(expect, parts, id)
    // The paused worker continues to work, and has changed nothing.
    other.child.kill('SIGKILL')
    const { id: next } = await parts.createRun()
    await expect.poll(() => statusOf(parts, next)).toBe('SUCCEEDED')
    expect(await parts.runNow(id)).toEqual(ended)
    await expectEndedOnce(expect, parts, id)
  }, 90_000)
})
