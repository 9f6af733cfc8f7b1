import { createHash } from 'node:crypto'
import type { Pool } from 'pg'
import {
  type ConstructorOptions,
  fromPrisma,
  type JobAttempt,
  PgBoss,
  type Queue as QueueSettings,
} from 'pg-boss'
import { type Tenant, tenantKey } from '../tenant.ts'
import type { Prisma, Transaction } from './client.ts'
import { openQueueConnections } from './queue-connections.ts'
import { migrationProblem, queueSchema } from './rights.ts'

// The SQL in this file reads and writes pg-boss's private tables, where its API is not sufficient. No other file does so.
// test/postgres/queue.test.ts checks what the SQL relies on, so it fails when a new version of pg-boss changes that.

/** The queue of report runs; a job carries the id of its run. */
export const reportRunQueue = 'report-run'

export type QueuedRun = Tenant & { id: string }
export type OrphanedRun = QueuedRun & { createdAt: Date }

const jobTable = `${queueSchema}.job`

export type ReportRunJob = { runId: string }

export type Queue = Awaited<ReturnType<typeof startQueue>>

export type QueueOptions = {
  url: string
  /** True in a process that runs reports: it listens for jobs and supervises the queue. */
  isWorker: boolean
  onError: (error: Error) => void
  /** Maximum number of connections; a worker has one more, which listens. @default 4 */
  max?: number
}

const queueSettings: Omit<QueueSettings, 'name' | 'policy' | 'partition'> = {
  notify: true,
  // A job whose worker is silent for this long goes to another worker. 10 is the minimum of pg-boss.
  heartbeatSeconds: 10,
  expireInSeconds: 24 * 60 * 60 - 1,
  // Practically unlimited: a run without a job would never end. Runs count their own attempts.
  retryLimit: 1_000_000_000,
  retryDelay: 1,
  // For a waiting job; a run that has lost its job gets another.
  retentionSeconds: 365 * 24 * 60 * 60,
  // The run keeps everything that is needed after the job.
  deleteAfterSeconds: 300,
}

/** Derives a job's id from its run's id, so that a run has at most one job. `jobIdSql` is the same function in SQL. */
export function jobIdOf(runId: string): string {
  const hex = createHash('sha256').update(runId).digest('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/, '$1-$2-$3-$4-$5')
}

export function jobIdSql(column: string): string {
  return `substring(encode(sha256(${column}::bytea), 'hex'), 1, 32)::uuid`
}

const epoch = Date.UTC(2026, 0, 1)

// Takes the lowest priority of several of the newest runs, not of one: among runs created at the same time, the last by id
// can be the first in the queue.
const queuedSql = `
  with queued as not materialized (
    select id from report_runs
    where account_id = $1 and livemode = $2 and status = 'PENDING' and data_needed_until is null and id <> $3
  )
  select
    (select count(*)::integer from queued) as count,
    (
      select min(job.priority)
      from (select id from queued order by id desc limit 8) as run
      join ${jobTable} as job on job.name = '${reportRunQueue}' and job.id = ${jobIdSql('run.id')}
    ) as "newestPriority"`

// pg-boss listens on this channel for the names of queues that have jobs to fetch.
const wakeSql = `select pg_notify('pgboss_' || left(encode(sha224('${queueSchema}'::bytea), 'hex'), 24), $1)`

const maxOrphans = 1_000

// Reads runs by account, because that is how they are indexed, and with a limit, which keeps Postgres from scanning the
// table instead. So only runs that have not ended are read, however many have ended.
const orphansSql = `
  select run.id, run.created_at as "createdAt", head.account_id as "accountId", head.livemode
  from event_log_heads as head
  cross join unnest(array['PENDING', 'RUNNING', 'CANCELING']::"ReportRunStatus"[]) as live(status)
  cross join lateral (
    select id, created_at from report_runs
    where account_id = head.account_id and livemode = head.livemode and status = live.status
      and data_needed_until is null
      and not exists (
        select from ${jobTable} as job
        where job.name = '${reportRunQueue}' and job.id = ${jobIdSql('report_runs.id')} and job.state < 'completed'
      )
    limit ${maxOrphans}
  ) as run
  limit ${maxOrphans}`

/**
 * Connects to the job queue, and creates its tables when they are missing. Its schema must exist.
 *
 * @throws ConfigurationError when the login lacks a right
 */
export async function startQueue({ url, isWorker, onError, max = 4 }: QueueOptions) {
  await using opened = new AsyncDisposableStack()
  const { database, close } = openQueueConnections({ url, max, onError })
  opened.defer(close)
  // `migrate` has created the schema.
  const boss = new PgBoss({ db: database, schema: queueSchema, createSchema: false, ...settings(isWorker) })
  boss.on('error', onError)
  opened.defer(() => boss.stop({ graceful: true, timeout: 10_000 }))
  try {
    await boss.start()
    await boss.createQueue(reportRunQueue, queueSettings)
    // An earlier version may have created the queue with other settings.
    await boss.updateQueue(reportRunQueue, queueSettings)
  } catch (error) {
    throw migrationProblem('create or change the tables of the queue', error)
  }
  const closers = opened.move()
  const send = (tx: Transaction, run: QueuedRun, priority: number): Promise<string | null> => {
    const job: ReportRunJob = { runId: run.id }
    // The concurrency limit and the fair shares of accounts apply to this group.
    const group = { id: tenantKey(run) }
    return boss.send(reportRunQueue, job, { id: jobIdOf(run.id), priority, group, db: fromPrisma(tx) })
  }
  return {
    boss,
    /**
     * Adds the run's job in the transaction that creates the run, so that both exist or neither does.
     * For each run of its account and mode that is already queued, the job counts as queued one second later, so that
     * accounts take turns and yet no run waits forever. It never counts as queued before those runs.
     *
     * @param at the current time
     */
    enqueue: async (tx: Transaction, run: QueuedRun, at: Date): Promise<void> => {
      await send(tx, run, await nextPriority(tx, run, at))
    },
    /**
     * Creates a new job for a run that has no unfinished one. When several processes do so at once, one of them succeeds.
     * The job counts as queued when the run was created.
     *
     * @returns whether this call created the job
     */
    restore: async (tx: Transaction, run: OrphanedRun): Promise<boolean> => {
      // A finished job of the run keeps its id until it is deleted. An unfinished job is not touched: another process can
      // have created it just now.
      await tx.$executeRawUnsafe(
        `delete from ${jobTable} where name = $1 and id = $2::uuid and state >= 'completed'`,
        ...[reportRunQueue, jobIdOf(run.id)],
      )
      return (await send(tx, run, priorityAt(run.createdAt.getTime()))) !== null
    },
    /** True when a run waits for a worker. */
    hasBacklog: async (): Promise<boolean> =>
      (await boss.findJobs(reportRunQueue, { queued: true, limit: 1 })).length > 0,
    /** True when the claim is still the job's latest; the answer holds until the transaction ends. */
    holds: async (tx: Transaction, { id, retryCount }: JobAttempt): Promise<boolean> => {
      const rows = await tx.$queryRawUnsafe<unknown[]>(
        `select id from ${jobTable}
        where name = $1 and id = $2::uuid and state = 'active' and retry_count = $3 for update`,
        ...[reportRunQueue, id, retryCount],
      )
      return rows.length > 0
    },
    /** Puts a claimed job back, for any worker to take after the given time. Does nothing when the claim was lost. */
    putBack: async ({ id, retryCount }: JobAttempt, afterMilliseconds: number): Promise<void> => {
      await boss.getDb().executeSql(
        `update ${jobTable}
        set state = 'retry', heartbeat_on = null, start_after = now() + $4::float8 * interval '1 millisecond'
        where name = $1 and id = $2::uuid and state = 'active' and retry_count = $3`,
        [reportRunQueue, id, retryCount, afterMilliseconds],
      )
    },
    /** Makes every idle worker of every process look for jobs now. */
    wake: async (): Promise<void> => {
      await boss.getDb().executeSql(wakeSql, [reportRunQueue])
    },
    stop: (): Promise<void> => closers.disposeAsync(),
  }
}

/** Finds runs that have not ended and have no unfinished job, except runs that wait for their data and need no job yet. */
export function findOrphans(prisma: Prisma): Promise<OrphanedRun[]> {
  return prisma.$queryRawUnsafe(orphansSql)
}

/** Counts the report runs that wait for a worker, with an index that contains only those. */
export async function countWaitingRuns(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `select count(*)::integer as count from ${jobTable} where name = $1 and state < 'active'`,
    [reportRunQueue],
  )
  return rows[0]?.count ?? 0
}

function settings(isWorker: boolean): Partial<ConstructorOptions> {
  return isWorker
    ? {
        useListenNotify: true,
        // How soon the jobs of a silent worker are found: all processes together make one pass in this time.
        superviseIntervalSeconds: 2,
        monitorIntervalSeconds: 2,
        // Each pass reads the job table, so the table is kept small.
        maintenanceIntervalSeconds: 60,
        cronMonitorIntervalSeconds: 10,
        schedule: true,
      }
    : { supervise: false, schedule: false, migrate: true }
}

/** Jobs with the highest priority run first, so the priority falls over time. It fits into 32 bits until 2094. */
function priorityAt(milliseconds: number): number {
  return Math.max(-(2 ** 31), -Math.round((milliseconds - epoch) / 1000))
}

/**
 * The priority of a new job. When runs end, fewer wait, and a new job would count as queued before older ones of the same
 * account; the priority of the newest prevents that. Jobs of equal priority run in order of their age.
 */
async function nextPriority(
  tx: Transaction,
  { accountId, livemode, id }: QueuedRun,
  at: Date,
): Promise<number> {
  const [{ count, newestPriority }] = await tx.$queryRawUnsafe<
    [{ count: number; newestPriority: number | null }]
  >(queuedSql, accountId, livemode, id)
  const priority = priorityAt(at.getTime() + count * 1000)
  return Math.min(priority, newestPriority ?? priority)
}
