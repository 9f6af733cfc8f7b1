import { createHash } from 'node:crypto'
import { type ConstructorOptions, fromPrisma, PgBoss, type Queue as QueueSettings } from 'pg-boss'
import { type Tenant, tenantKey } from '../tenant.ts'
import type { Transaction } from './client.ts'

/** pg-boss's own Postgres schema; not its default, which another program in the same database may use. */
export const queueSchema = 'report_gateway_queue'
/** The queue of report runs; a job carries the id of its run. */
export const reportRunQueue = 'report-run'

export type ReportRunJob = { runId: string }

export type QueuedRun = Tenant & { id: string }

/** A job as a worker has claimed it: its id, and which of its claims this is. */
export type Claim = { id: string; retryCount: number }

export type Queue = {
  boss: PgBoss
  /**
   * Adds the run's job in the transaction that creates the run: both are there, or neither.
   *
   * @param waiting how many runs of its account and mode are in the queue already: the job counts as queued a second later for
   *   each of them, so that accounts take turns and yet nobody waits for ever. It never counts as queued before those
   */
  enqueue(tx: Transaction, run: QueuedRun, waiting: number): Promise<void>
  /**
   * Gives a run another job when it has none that lives; of any number of processes that do so at once, one does. The job
   * counts as queued when the run was created.
   *
   * @returns whether the run has got one
   */
  restore(tx: Transaction, run: QueuedRun & { createdAt: Date }): Promise<boolean>
  /** True when some run waits for a worker. */
  hasBacklog(): Promise<boolean>
  /** True when the claim is still the job's newest; it stays so until the transaction ends. */
  holds(tx: Transaction, claim: Claim): Promise<boolean>
  /** Gives a claimed job to whoever comes first after a time; nothing happens when the claim was lost. */
  putBack(claim: Claim, afterMilliseconds: number): Promise<void>
  /** Lets every idle worker of every process look for jobs now. */
  wake(): Promise<void>
  stop(): Promise<void>
}

export type QueueOptions = {
  url: string
  /** True in a process that runs reports: it listens for jobs and looks after the queue. */
  works: boolean
  onError: (error: Error) => void
}

/** pg-boss hands on to `pg` what it does not know itself. */
type BossOptions = ConstructorOptions & { query_timeout: number }

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
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  )
}
export function jobIdSql(column: string): string {
  return `substring(encode(sha256(${column}::bytea), 'hex'), 1, 32)::uuid`
}

const epoch = Date.UTC(2026, 0, 1)

// Some of the newest and not one alone: of runs made at the same moment, the last in order may be the first in the queue.
const newestPrioritySql = `
  select min(job.priority) as priority
  from (
    select id from report_runs
    where account_id = $1 and livemode = $2 and status = 'PENDING' and data_needed_until is null
    order by id desc limit 8
  ) as run
  join ${queueSchema}.job as job on job.name = '${reportRunQueue}' and job.id = ${jobIdSql('run.id')}`

// pg-boss tells its listeners by this channel in which queue there is something to fetch.
const wakeSql = `select pg_notify('pgboss_' || left(encode(sha224('${queueSchema}'::bytea), 'hex'), 24), $1)`

/** Connects to the job queue, making its tables when they are missing. */
export async function startQueue({ url, works, onError }: QueueOptions): Promise<Queue> {
  const options: BossOptions = {
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
    enqueue: async (tx, run, waiting) => {
      await send(tx, run, await nextPriority(tx, run, waiting))
    },
    restore: async (tx, run) => {
      // An ended job of the run keeps its id until it is deleted. One that lives is not touched: another process may have
      // made it just now.
      await tx.$executeRawUnsafe(
        `delete from ${queueSchema}.job where name = $1 and id = $2::uuid and state >= 'completed'`,
        ...[reportRunQueue, jobIdOf(run.id)],
      )
      return (await send(tx, run, priorityAt(run.createdAt.getTime()))) !== null
    },
    hasBacklog: async () => {
      const { rows } = await boss
        .getDb()
        .executeSql(`select from ${queueSchema}.job where name = $1 and state < 'active' limit 1`, [
          reportRunQueue,
        ])
      return rows.length > 0
    },
    holds: async (tx, { id, retryCount }) => {
      const rows = await tx.$queryRawUnsafe<unknown[]>(
        `select id from ${queueSchema}.job
        where name = $1 and id = $2::uuid and state = 'active' and retry_count = $3 for update`,
        ...[reportRunQueue, id, retryCount],
      )
      return rows.length > 0
    },
    putBack: async ({ id, retryCount }, afterMilliseconds) => {
      await boss.getDb().executeSql(
        `update ${queueSchema}.job
        set state = 'retry', heartbeat_on = null, start_after = now() + $4::float8 * interval '1 millisecond'
        where name = $1 and id = $2::uuid and state = 'active' and retry_count = $3`,
        [reportRunQueue, id, retryCount, afterMilliseconds],
      )
    },
    wake: async () => {
      await boss.getDb().executeSql(wakeSql, [reportRunQueue])
    },
    stop: () => boss.stop({ graceful: true, timeout: 10_000, close: true }),
  }
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
async function nextPriority(
  tx: Transaction,
  { accountId, livemode }: QueuedRun,
  waiting: number,
): Promise<number> {
  const [newest] = await tx.$queryRawUnsafe<{ priority: number | null }[]>(
    newestPrioritySql,
    accountId,
    livemode,
  )
  const priority = priorityAt(Date.now() + waiting * 1000)
  return Math.min(priority, newest?.priority ?? priority)
}
