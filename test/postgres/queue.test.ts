import { createHash } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  countWaitingRuns,
  findOrphans,
  jobIdOf,
  jobIdSql,
  type Queue,
  type ReportRunJob,
  reportRunQueue,
  startQueue,
} from '../../src/postgres/queue.ts'
import { queueSchema } from '../../src/postgres/rights.ts'
import { tenantKey } from '../../src/tenant.ts'
import { insertRun } from '../support/insert-run.ts'
import { openRunParts, type RunParts } from '../support/run-parts.ts'

// Our statements on pg-boss's private tables rely on what is asserted here. When a new version of pg-boss fails
// these tests, check each statement in src/postgres/queue.ts.

let parts: RunParts
let queue: Queue
beforeAll(async () => {
  parts = await openRunParts()
  queue = await startQueue({ url: parts.database.url, isWorker: false, onError: () => {} })
})
afterAll(async () => {
  await queue.stop()
  await parts[Symbol.asyncDispose]()
})

async function queueRun() {
  const run = await insertRun(parts.prisma, parts.owner, { status: 'PENDING' })
  await parts.prisma.$transaction((tx) => queue.enqueue(tx, run, new Date()))
  return run
}

async function jobOf(runId: string) {
  const [job] = await queue.boss.findJobs<ReportRunJob>(reportRunQueue, { id: jobIdOf(runId) })
  return job
}

async function fetchJob() {
  const [job] = await queue.boss.fetch<ReportRunJob>(reportRunQueue, { batchSize: 1 })
  if (!job) throw new Error('There is no job to fetch.')
  return job
}

function holds(claim: { id: string; retryCount: number }): Promise<boolean> {
  return parts.prisma.$transaction((tx) => queue.holds(tx, claim))
}

async function endAll(): Promise<void> {
  await queue.boss.deleteAllJobs(reportRunQueue)
  await parts.prisma.reportRun.updateMany({ data: { status: 'CANCELED' } })
}

describe('the tables of pg-boss', () => {
  test('have the columns that our statements name, with their types', async () => {
    const columns = await parts.database.query<{ name: string; type: string }>(
      `select column_name as name, coalesce(nullif(data_type, 'USER-DEFINED'), udt_name) as type
      from information_schema.columns where table_schema = $1 and table_name = 'job'`,
      [queueSchema],
    )
    const types = Object.fromEntries(columns.map(({ name, type }) => [name, type]))
    expect(types).toMatchObject({
      id: 'uuid',
      name: 'text',
      priority: 'integer',
      state: 'job_state',
      retry_count: 'integer',
      heartbeat_on: 'timestamp with time zone',
      start_after: 'timestamp with time zone',
    })
  })

  test('have these states in this order', async () => {
    const [row] = await parts.database.query<{ states: string }>(
      `select array_to_string(enum_range(null::${queueSchema}.job_state), ' ') as states`,
    )
    // Jobs wait in the states before `active`, and have ended from `completed` on.
    expect(row?.states).toBe('created retry active completed cancelled failed')
  })

  test('have the jobs of a queue under the name of the queue and the id that we choose', async () => {
    const { id } = await queueRun()
    expect(
      await parts.database.query(`select name, data from ${queueSchema}.job where id = $1::uuid`, [
        jobIdOf(id),
      ]),
    ).toEqual([{ name: reportRunQueue, data: { runId: id } }])
    await endAll()
  })

  test('have the same row for our job as for one that pg-boss adds', async () => {
    const run = await queueRun()
    const theirId = await queue.boss.send(
      reportRunQueue,
      { runId: run.id },
      { group: { id: tenantKey(run) }, priority: Number((await jobOf(run.id))?.priority) },
    )
    const rowOf = async (id: string | null) => {
      const [row = {}] = await parts.database.query<Record<string, unknown>>(
        `select *, start_after - created_on as wait, keep_until - created_on as kept, now() - created_on < '1 min' as is_new
        from ${queueSchema}.job where id = $1::uuid`,
        [id],
      )
      const own = ['id', 'created_on', 'start_after', 'keep_until']
      return Object.entries(row).filter(([name]) => !own.includes(name))
    }
    expect(await rowOf(jobIdOf(run.id))).toEqual(await rowOf(theirId))
    await endAll()
  })

  test('hold at most one job of an id, whatever its state', async () => {
    const run = await queueRun()
    const again = () => queue.boss.send(reportRunQueue, { runId: run.id }, { id: jobIdOf(run.id) })
    expect(await again()).toBeNull()
    await queue.boss.complete(reportRunQueue, jobIdOf(run.id), {}, { includeQueued: true })
    expect(await again()).toBeNull()
    await endAll()
  })
})

describe('the id of a job', () => {
  test('is the same from SQL as from code', async () => {
    const [row] = await parts.database.query<{ id: string }>(
      `select ${jobIdSql('run.id')}::text as id from (values ('rrun_1')) as run (id)`,
    )
    expect(row?.id).toBe(jobIdOf('rrun_1'))
  })
})

describe('a claim', () => {
  test('is identified by a count that grows with each fetch, even after the job was put back', async () => {
    await queueRun()
    const first = await fetchJob()
    expect(await holds(first)).toBe(true)
    await queue.putBack(first, 0)
    expect(await holds(first)).toBe(false)

    const second = await fetchJob()
    expect(second).toMatchObject({ id: first.id, retryCount: first.retryCount + 1 })
    expect([await holds(first), await holds(second)]).toEqual([false, true])
    await queue.putBack(first, 0)
    expect(await holds(second)).toBe(true)

    await queue.boss.complete(reportRunQueue, second.id)
    expect(await holds(second)).toBe(false)
    await endAll()
  })

  test('grows after pg-boss has put the job back, too', async () => {
    await queueRun()
    const first = await fetchJob()
    await queue.boss.fail(reportRunQueue, first)
    await parts.database.query(`update ${queueSchema}.job set start_after = now()`)
    expect(await fetchJob()).toMatchObject({ id: first.id, retryCount: first.retryCount + 1 })
    await endAll()
  })
})

describe('a job that was put back', () => {
  test('waits for the given time, and has no heartbeat that could be missed', async () => {
    const { id } = await queueRun()
    await queue.putBack(await fetchJob(), 60_000)
    const job = await jobOf(id)
    expect(job).toMatchObject({ state: 'retry', heartbeatOn: null })
    const wait = Number(job?.startAfter) - Date.now()
    expect(wait).toBeGreaterThan(50_000)
    expect(wait).toBeLessThan(61_000)
    expect(await queue.boss.fetch(reportRunQueue)).toEqual([])
    expect(await queue.hasBacklog()).toBe(true)
    expect(await countWaitingRuns(parts.pool)).toBe(1)
    await endAll()
  })
})

describe('the backlog', () => {
  test('contains jobs that were queued or put back, and no job that is active or has ended', async () => {
    expect([await queue.hasBacklog(), await countWaitingRuns(parts.pool)]).toEqual([false, 0])
    await queueRun()
    expect([await queue.hasBacklog(), await countWaitingRuns(parts.pool)]).toEqual([true, 1])
    const job = await fetchJob()
    expect([await queue.hasBacklog(), await countWaitingRuns(parts.pool)]).toEqual([false, 0])
    await queue.boss.complete(reportRunQueue, job.id)
    expect([await queue.hasBacklog(), await countWaitingRuns(parts.pool)]).toEqual([false, 0])
    await endAll()
  })

  test('is fetched in order of priority, the highest first', async () => {
    const [first, second] = [await queueRun(), await queueRun()]
    const sooner = (runId: string, seconds: number) =>
      parts.database.query(`update ${queueSchema}.job set priority = priority + $2 where id = $1::uuid`, [
        jobIdOf(runId),
        seconds,
      ])
    await sooner(second.id, 60)
    expect((await fetchJob()).data.runId).toBe(second.id)
    expect((await fetchJob()).data.runId).toBe(first.id)
    await endAll()
  })

  test('determines the priority of the next run of an account, by its length and its newest priority', async () => {
    const priorityOf = async ({ id }: { id: string }) => Number((await jobOf(id))?.priority)
    const runs = [await queueRun(), await queueRun(), await queueRun()]
    const [first = 0, second = 0, third = 0] = await Promise.all(runs.map(priorityOf))
    // Each counts as queued a second after the previous one.
    expect([first - second >= 1, second - third >= 1]).toEqual([true, true])
    await parts.database.query(`update ${queueSchema}.job set priority = priority - 1000`)
    expect(await priorityOf(await queueRun())).toBe(third - 1000)
    await endAll()
    expect(await priorityOf(await queueRun())).toBeGreaterThan(third)
    await endAll()
  })
})

describe('a run without a job', () => {
  const orphans = async (): Promise<string[]> => (await findOrphans(parts.prisma)).map(({ id }) => id)

  test('is a run whose job was deleted or has ended in any way', async () => {
    await parts.prisma.eventLogHead.create({
      data: { accountId: parts.owner.accountId, livemode: parts.owner.livemode, position: 1n },
    })
    const runs = [await queueRun(), await queueRun(), await queueRun(), await queueRun()]
    expect(await orphans()).toEqual([])
    const [deleted = '', completed = '', cancelled = '', failed = ''] = runs.map(({ id }) => jobIdOf(id))
    await queue.boss.deleteJob(reportRunQueue, deleted)
    await queue.boss.complete(reportRunQueue, completed, {}, { includeQueued: true })
    await queue.boss.cancel(reportRunQueue, cancelled)
    await parts.database.query(`update ${queueSchema}.job set state = 'failed' where id = $1::uuid`, [failed])
    expect((await orphans()).sort()).toEqual(runs.map(({ id }) => id).sort())

    for (const run of runs) {
      expect(await parts.prisma.$transaction((tx) => queue.restore(tx, run))).toBe(true)
      expect(await jobOf(run.id)).toMatchObject({ state: 'created', retryCount: 0 })
    }
    expect(await orphans()).toEqual([])
    await endAll()
  })

  test('is not a run whose job waits or is active, and that job is not replaced', async () => {
    const run = await queueRun()
    const restore = () => parts.prisma.$transaction((tx) => queue.restore(tx, run))
    expect(await restore()).toBe(false)
    const job = await fetchJob()
    expect([await orphans(), await restore()]).toEqual([[], false])
    await queue.putBack(job, 60_000)
    expect([await orphans(), await restore()]).toEqual([[], false])
    await endAll()
  })
})

describe('the listeners of pg-boss', () => {
  test('are notified by us on the channel that pg-boss uses', async () => {
    const listener = new pg.Client({ connectionString: parts.database.url })
    await listener.connect()
    const received: string[] = []
    listener.on('notification', ({ payload = '' }) => received.push(payload))
    const name = createHash('sha224').update(queueSchema).digest('hex').slice(0, 24)
    await listener.query(`listen "pgboss_${name}"`)
    try {
      await queue.boss.send(reportRunQueue, {})
      await expect.poll(() => received).toEqual([reportRunQueue])
      await queue.wake()
      await expect.poll(() => received).toEqual([reportRunQueue, reportRunQueue])
      parts.wakeUp.announceJob()
      await expect.poll(() => received).toEqual([reportRunQueue, reportRunQueue, reportRunQueue])
    } finally {
      await listener.end()
      await endAll()
    }
  })
})
