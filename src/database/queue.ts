import { type ConstructorOptions, fromPrisma, PgBoss } from 'pg-boss'
import type { Transaction } from './client.ts'

/** pg-boss's own Postgres schema; not its default, which another program in the same database may use. */
const queueSchema = 'report_gateway_queue'
/** The queue of report runs; a job carries the id of its run. */
export const reportRunQueue = 'report-run'

export type ReportRunJob = { runId: string }

export type Queue = {
  boss: PgBoss
  /** Adds the run's job in the transaction that creates the run: both are there, or neither. */
  enqueue(tx: Transaction, runId: string): Promise<void>
  stop(): Promise<void>
}

export type QueueOptions = {
  url: string
  /** True in a process that runs reports: it listens for jobs and looks after the queue. */
  works: boolean
  onError: (error: Error) => void
}

const settings = (works: boolean): Partial<ConstructorOptions> =>
  works
    ? { useListenNotify: true, superviseIntervalSeconds: 10, monitorIntervalSeconds: 30, schedule: false }
    : { supervise: false, schedule: false, migrate: true }

/** Connects to the job queue, making its tables when they are missing. */
export const startQueue = async ({ url, works, onError }: QueueOptions): Promise<Queue> => {
  const boss = new PgBoss({ connectionString: url, schema: queueSchema, max: 4, ...settings(works) })
  boss.on('error', onError)
  await boss.start()
  await boss.createQueue(reportRunQueue, {
    notify: true,
    // A job whose worker is silent for this long goes to another worker.
    heartbeatSeconds: 10,
    expireInSeconds: 24 * 60 * 60 - 1,
    // A worker that stops hands its job back by failing it, so this must never be used up: a run without a job would
    // stay as it is for ever.
    retryLimit: 100_000,
    retryDelay: 1,
    deleteAfterSeconds: 7 * 24 * 60 * 60,
  })
  return {
    boss,
    enqueue: async (tx, runId) => {
      const job: ReportRunJob = { runId }
      await boss.send(reportRunQueue, job, { db: fromPrisma(tx) })
    },
    stop: () => boss.stop({ graceful: true, timeout: 10_000, close: true }),
  }
}
