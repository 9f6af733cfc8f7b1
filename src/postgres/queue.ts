import {
  type ConstructorOptions,
  fromPrisma,
  type JobAttempt,
  PgBoss,
  type Queue as QueueSettings,
} from 'pg-boss'
import { tenantKey } from '../tenant.ts'
import type { Transaction } from './client.ts'
import {
  deleteEndedJob,
  holdsClaim,
  jobIdOf,
  notifyListeners,
  type OrphanedRun,
  putBackJob,
  type QueuedRun,
  queueSchema,
  readQueued,
  reportRunQueue,
} from './queue-tables.ts'

export type ReportRunJob = { runId: string }

export type Queue = {
  boss: PgBoss
  /**
   * Adds the run's job in the transaction that creates the run: both are there, or neither.
   * The job counts as queued a second later for each run of its account and mode that is in the queue already, so that
   * accounts take turns and yet no run waits for ever. It never counts as queued before those.
   */
  enqueue(tx: Transaction, run: QueuedRun): Promise<void>
  /**
   * Gives a run another job when it has none that lives; of any number of processes that do so at once, one does. The job
   * counts as queued when the run was created.
   *
   * @returns whether the run has got one
   */
  restore(tx: Transaction, run: OrphanedRun): Promise<boolean>
  /** True when some run waits for a worker. */
  hasBacklog(): Promise<boolean>
  /** True when the claim is still the job's newest; it stays so until the transaction ends. */
  holds(tx: Transaction, claim: JobAttempt): Promise<boolean>
  /** Gives a claimed job to the worker that comes first after a time; nothing happens when the claim was lost. */
  putBack(claim: JobAttempt, afterMilliseconds: number): Promise<void>
  /** Makes every idle worker of every process look for jobs now. */
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

const epoch = Date.UTC(2026, 0, 1)

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
    enqueue: async (tx, run) => {
      await send(tx, run, await nextPriority(tx, run))
    },
    restore: async (tx, run) => {
      // A job that lives is not touched: another process may have made it just now.
      await deleteEndedJob(tx, run.id)
      return (await send(tx, run, priorityAt(run.createdAt.getTime()))) !== null
    },
    hasBacklog: async () => (await boss.findJobs(reportRunQueue, { queued: true, limit: 1 })).length > 0,
    holds: holdsClaim,
    putBack: (claim, afterMilliseconds) => putBackJob(boss.getDb(), claim, afterMilliseconds),
    wake: () => notifyListeners(boss.getDb()),
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
async function nextPriority(tx: Transaction, run: QueuedRun): Promise<number> {
  const { count, newestPriority } = await readQueued(tx, run)
  const priority = priorityAt(Date.now() + count * 1000)
  return Math.min(priority, newestPriority ?? priority)
}
