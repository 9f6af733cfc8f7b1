import { createHash } from 'node:crypto'
import type { Pool } from 'pg'
import { type ConstructorOptions, type JobAttempt, PgBoss, type Queue as QueueSettings } from 'pg-boss'
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

/** So many runs are counted exactly: counting costs time for each of them. */
const maxCounted = 100

/**
 * CTEs that add the job of the run in the CTE `entering`. Its columns are run_id, account_id, livemode, those of `queueEntry`,
 * and unseen: the number of runs in the queue that the statement does not see in the table.
 *
 * For each run of its account and mode that is already queued, the job counts as queued one second later, so that accounts take
 * turns and yet no run waits forever. It never counts as queued before those runs: when runs end, fewer wait, and a new job
 * would count as queued before older ones; the priority of the newest prevents that. In a long queue, it counts as queued one
 * second after the newest. Jobs of equal priority run in order of their age.
 */
export const enqueueCtes = `
  queued as (
    select run.id from entering cross join lateral (
      select id from report_runs as run
      where (run.account_id, run.livemode, run.status) = (entering.account_id, entering.livemode, 'PENDING')
        and run.data_needed_until is null and run.id <> entering.run_id
      order by id desc limit ${maxCounted}
    ) as run
  ),
  newest as (
    -- Of several runs, not of one: among runs created at the same time, the last by id can be the first in the queue.
    select min(job.priority) as priority
    from (select ${jobIdSql('id')} as job_id from queued order by id desc limit 8) as run
    cross join lateral (
      -- A range in an order, because for an equality Postgres can choose an index that reads all jobs, while it has no statistics
      -- of a new table: that makes a creation three times as slow for a minute.
      select priority from ${jobTable} where name = '${reportRunQueue}' and id between job_id and job_id order by id limit 1
    ) as job
  ),
  placed as (
    select run_id, group_id, least(
      entering.priority - queue.length - unseen,
      newest.priority - case queue.length when ${maxCounted} then 1 + unseen else 0 end
    ) as priority
    from entering, newest, (select count(*)::integer as length from queued) as queue
  ),
  job as (${insertJobSql('placed')})`

const enqueueSql = `
  with entering as (
    select $1::text as run_id, $2::text as account_id, $3::boolean as livemode, $4::text as group_id,
      $5::integer as priority, 0 as unseen
  ), ${enqueueCtes}
  select from job`

const restoreSql = insertJobSql(
  '(select $1::text as run_id, $2::text as group_id, $3::integer as priority) as lost',
)

/** pg-boss listens on this channel for the names of queues that have jobs to fetch. */
export const jobChannel = `pgboss_${createHash('sha224').update(queueSchema).digest('hex').slice(0, 24)}`

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
  return {
    boss,
    /**
     * Adds the run's job in a transaction. `wakeUp.announceJob` wakes a worker after the commit.
     *
     * @param at the current time
     */
    enqueue: async (tx: Transaction, run: QueuedRun, at: Date): Promise<void> => {
      const { groupId, priority } = queueEntry(run, at)
      await tx.$executeRawUnsafe(enqueueSql, run.id, run.accountId, run.livemode, groupId, priority)
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
      const { groupId, priority } = queueEntry(run, run.createdAt)
      return (await tx.$executeRawUnsafe(restoreSql, run.id, groupId, priority)) > 0
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
      await boss.getDb().executeSql('select pg_notify($1, $2)', [jobChannel, reportRunQueue])
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

/**
 * What decides when a new job runs.
 *
 * @param at when it counts as queued
 */
export function queueEntry(tenant: Tenant, at: Date) {
  return {
    /** The concurrency limit and the fair shares of accounts apply to this group. */
    groupId: tenantKey(tenant),
    /** The priority when no other run of the account and mode waits. */
    priority: priorityAt(at),
  }
}

/** Inserts the jobs of `source`, with its columns `run_id`, `group_id` and `priority`, exactly as pg-boss inserts a job. */
function insertJobSql(source: string): string {
  return `
    insert into ${jobTable} (
      id, name, data, priority, group_id, start_after, created_on, keep_until, expire_seconds, deletion_seconds, retry_limit,
      retry_delay, retry_backoff, retry_delay_max, policy, dead_letter, heartbeat_seconds
    )
    select ${jobIdSql('run_id')}, queue.name, jsonb_build_object('runId', run_id), priority, group_id, now(), now(),
      now() + queue.retention_seconds * interval '1 second', expire_seconds, deletion_seconds, retry_limit,
      retry_delay, retry_backoff, retry_delay_max, policy, dead_letter, heartbeat_seconds
    from ${source}
    left join ${queueSchema}.queue on queue.name = '${reportRunQueue}'
    on conflict do nothing
    returning 1`
}

/** Jobs with the highest priority run first, so the priority falls over time. It fits into 32 bits until 2094. */
export function priorityAt(at: Date): number {
  return Math.max(-(2 ** 31), -Math.round((at.getTime() - epoch) / 1000))
}
