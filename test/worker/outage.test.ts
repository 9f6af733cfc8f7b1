import { describe, test } from 'vitest'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { openWorkerParts, type WorkerParts } from '../support/worker-parts.ts'

function activeCopies(parts: WorkerParts) {
  return parts.database.query(
    `select from pg_stat_activity where datname = current_database() and query like 'copy%' and state = 'active'`,
  )
}

async function statusOf(parts: WorkerParts, id: string): Promise<string> {
  return (await parts.runNow(id)).status
}

// Each test has its own workers and database, and waits most of the time.
describe.concurrent('in an outage', () => {
  test('a worker waits during a database outage, and continues within 10 s after it', async ({ expect }) => {
    await using parts = await openWorkerParts()
    await using line = await startTcpProxy(parts.database.url)
    const slow = await parts.createRun({ parameters: { rows: '3', row_seconds: '0.7' } })
    await using _worker = await parts.startWorker({ databaseUrl: line.through(parts.database.url) })
    await expect.poll(async () => (await activeCopies(parts)).length).toBe(1)
    line.cut()
    const before = parts.logged.length
    const next = await parts.createRun()
    const faults = (): number => parts.logged.slice(before).filter(({ level }) => Number(level) >= 40).length
    const isWaiting = (): boolean =>
      parts.logged.slice(before).some(({ msg }) => /cannot reach the database/.test(String(msg)))
    await expect.poll(isWaiting).toBe(true)
    await expect.poll(faults).toBeGreaterThan(10)
    expect(await parts.runNow(slow.id)).toMatchObject({ status: 'RUNNING', lostExecutions: 0 })
    // It does not spin: each failure is logged, and tried again after a while.
    expect(faults()).toBeLessThan(100)

    line.restore()
    const ended = { timeout: 30_000 }
    await expect.poll(() => statusOf(parts, next.id), ended).toBe('SUCCEEDED')
    await expect.poll(() => statusOf(parts, slow.id), ended).toBe('SUCCEEDED')
    expect(await parts.runNow(slow.id)).toMatchObject({ execution: 2, lostExecutions: 1, rowCount: 3n })
  })

  test('a run whose cancellation is requested during an outage is CANCELED after it', async ({ expect }) => {
    await using parts = await openWorkerParts()
    await using line = await startTcpProxy(parts.database.url)
    const { id } = await parts.createRun({ parameters: { rows: '2', row_seconds: '30' } })
    await using _worker = await parts.startWorker({ databaseUrl: line.through(parts.database.url) })
    await expect.poll(async () => (await activeCopies(parts)).length).toBe(1)
    line.cut()
    await parts.prisma.reportRun.update({ where: { id }, data: { status: 'CANCELING' } })
    line.restore()
    await expect.poll(() => statusOf(parts, id)).toBe('CANCELED')
    await expect.poll(() => parts.filesOf(id)).toEqual([])
  })

  test('another worker runs the report of a worker whose connection is silent, which works again after it', async ({
    expect,
  }) => {
    await using parts = await openWorkerParts()
    await using line = await startTcpProxy(parts.database.url)
    const { id } = await parts.createRun({ parameters: { rows: '20', row_seconds: '0.2', width: '9000' } })
    await using _cutOff = await parts.startWorker({
      concurrency: 1,
      databaseUrl: line.through(parts.database.url),
    })
    await expect.poll(async () => (await parts.filesOf(id)).length).toBe(1)
    const [half] = await parts.filesOf(id)
    line.swallow()
    {
      await using _other = await parts.startWorker()
      await expect.poll(() => statusOf(parts, id), { timeout: 30_000 }).toBe('SUCCEEDED')
    }
    const ended = await parts.runNow(id)
    expect(ended).toMatchObject({ execution: 2, lostExecutions: 1 })
    line.restore()
    const { id: next } = await parts.createRun()
    await expect.poll(() => statusOf(parts, next), { timeout: 45_000 }).toBe('SUCCEEDED')
    await expect.poll(() => parts.filesOf(id)).toHaveLength(1)
    expect(await parts.filesOf(id)).not.toContain(half)
    expect(await parts.runNow(id)).toEqual(ended)
  }, 100_000)
})
