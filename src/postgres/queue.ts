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

// The SQL in this file reads and writes pg-boss's private tables, for what its API cannot do. No other file does so, and
// test/postgres/queue.test.ts checks what it relies on, so it fails when a new version of pg-boss changes that.

/** pg-boss's own Postgres schema; not its default, which another program in the same database may use. */
export const queueSchema = 'report_gateway_queue'
/** The queue of report runs; a job carries the id of its run. */
export const reportRunQueue = 'report-run'

export type QueuedRun = Tenant & { id: string }
export type OrphanedRun = QueuedRun & { createdAt: Date }

const jobTable = `${queueSchema}.job`

export type ReportRunJob = { runId: string }

export type Queue = Awaited<ReturnType<typeof startQueue>>

export type QueueOptions = {
  url: string
  /** True in a process that runs reports: it listens for jobs and looks after the queue. */
  works: boolean
  onError: (error: Error) => void
}

// A connection whose other end is gone without a word would keep a worker waiting for ever.
const queryMilliseconds = 10_000

const queueSettings: Omit<QueueSettings, 'name' | 'policy' | 'partition'> = {
  notify: true,
  // A job whose worker is silent for this long goes to another worker; pg-boss takes no less.
  heartbeatSeconds: 10,
  expireInSeconds: 24 * 60 * 60 - 1,
  // A run without a job would stay as it is for ever. Runs count their own attempts.
  retryLimit: 1_000_000_000,
  retryDelay: 1,
  // For a job that waits; a run that has lost its job gets another.
  retentionSeconds: 365 * 24 * 60 * 60,
  // All that is worth keeping of a job is in its run.
  deleteAfterSeconds: 300,
}

/** The id of a run's job: always the same, so that a run has one job at most. `jobIdSql` says the same in SQL. */
export function jobIdOf(runId: string): string {
  const hex = createHash('sha256').update(runId).digest('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/, '$1-$2-$3-$4-$5')
}

export function jobIdSql(column: string): string {
  return `substring(encode(sha256(${column}::bytea), 'hex'), 1, 32)::uuid`
}

const epoch = Date.UTC(2026, 0, 1)

// The priority of some of the newest, and not of one alone: of runs made at the same moment, the last in order may be the
// first in the queue.
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

// pg-boss notifies its listeners on this channel in which queue there is something to fetch.
const wakeSql = `select pg_notify('pgboss_' || left(encode(sha224('${queueSchema}'::bytea), 'hex'), 24), $1)`

const maxOrphans = 1_000

// By account, because that is how runs are indexed, and with a limit, which keeps Postgres from reading the table instead:
// only live runs are read, however many have ended.
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

/** Connects to the job queue, making its tables when they are missing. */
export async function startQueue({ url, works, onError }: QueueOptions) {
  // pg-boss hands on to `pg` what it does not know itself.
  const options: ConstructorOptions & { query_timeout: number } = {
    connectionString: url,
    schema: queueSchema,
    max: 4,
    query_timeout: queryMilliseconds,
    ...settings(works),
  }
  const boss = new PgBoss(options)
  boss.on('error', onError)
  await boss.start()
  await boss.createQueue(reportRunQueue, queueSettings)
  // It may have been made with the settings of an earlier version.
  await boss.updateQueue(reportRunQueue, queueSettings)
  const send = (tx: Transaction, run: QueuedRun, priority: number): Promise<string | null> => {
    const job: ReportRunJob = { runId: run.id }
    // What the limit of runs at once, and the fair shares, are counted by.
    const group = { id: tenantKey(run) }
    return boss.send(reportRunQueue, job, { id: jobIdOf(run.id), priority, group, db: fromPrisma(tx) })
  }
  return {
    boss,
    /**
     * Adds the run's job in the transaction that creates the run: both are there, or neither.
     * The job counts as queued a second later for each run of its account and mode that is in the queue already, so that
     * accounts take turns and yet no run waits for ever. It never counts as queued before those.
     */
    enqueue: async (tx: Transaction, run: QueuedRun): Promise<void> => {
      await send(tx, run, await nextPriority(tx, run))
    },
    /**
     * Gives a run another job when it has none that lives; of any number of processes that do so at once, one does. The job
     * counts as queued when the run was created.
     *
     * @returns whether the run has got one
     */
    restore: async (tx: Transaction, run: OrphanedRun): Promise<boolean> => {
      // An ended job of the run keeps its id until it is deleted. One that lives is not touched: another process may have
      // made it just now.
      await tx.$executeRawUnsafe(
        `delete from ${jobTable} where name = $1 and id = $2::uuid and state >= 'completed'`,
        ...[reportRunQueue, jobIdOf(run.id)],
      )
      return (await send(tx, run, priorityAt(run.createdAt.getTime()))) !== null
    },
    /** True when some run waits for a worker. */
    hasBacklog: async (): Promise<boolean> =>
      (await boss.findJobs(reportRunQueue, { queued: true, limit: 1 })).length > 0,
    /** True when the claim is still the job's newest; it stays so until the transaction ends. */
    holds: async (tx: Transaction, { id, retryCount }: JobAttempt): Promise<boolean> => {
      const rows = await tx.$queryRawUnsafe<unknown[]>(
        `select id from ${jobTable}
        where name = $1 and id = $2::uuid and state = 'active' and retry_count = $3 for update`,
        ...[reportRunQueue, id, retryCount],
      )
      return rows.length > 0
    },
    /** Gives a claimed job to the worker that comes first after a time; nothing happens when the claim was lost. */
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
    stop: (): Promise<void> => boss.stop({ graceful: true, timeout: 10_000, close: true }),
  }
}

/** Runs that have not ended and have no job that lives; those that wait for their data have none, and are left out. */
export function findOrphans(prisma: Prisma): Promise<OrphanedRun[]> {
  return prisma.$queryRawUnsafe(orphansSql)
}

/** Report runs that wait for a worker, by an index that has only those. */
export async function countWaitingRuns(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `select count(*)::integer as count from ${jobTable} where name = $1 and state < 'active'`,
    [reportRunQueue],
  )
  return rows[0]?.count ?? 0
}

function settings(works: boolean): Partial<ConstructorOptions> {
  return works
    ? {
        useListenNotify: true,
        // How soon a silent worker's jobs are noticed: one pass of all processes together in this time.
        superviseIntervalSeconds: 2,
        monitorIntervalSeconds: 2,
        // Each pass reads the table of jobs, so it is kept small.
        maintenanceIntervalSeconds: 60,
        cronMonitorIntervalSeconds: 10,
        schedule: true,
      }
    : { supervise: false, schedule: false, migrate: true }
}

/** Jobs of the highest priority go first, so it falls as time goes on. It fits into 32 bits until 2094. */
function priorityAt(milliseconds: number): number {
  return Math.max(-(2 ** 31), -Math.round((milliseconds - epoch) / 1000))
}

/**
 * The priority of a new job. As runs end, fewer wait and a new job would count as queued sooner; but one of the same account
 * goes behind all that wait already. Those of one priority go by age.
 */
async function nextPriority(tx: Transaction, { accountId, livemode, id }: QueuedRun): Promise<number> {
  const [{ count, newestPriority }] = await tx.$queryRawUnsafe<
    [{ count: number; newestPriority: number | null }]
  >(queuedSql, accountId, livemode, id)
  const priority = priorityAt(Date.now() + count * 1000)
  return Math.min(priority, newestPriority ?? priority)
}
