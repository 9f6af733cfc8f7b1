import type { Logger } from 'pino'
import type { Queue } from '../postgres/queue.ts'
import type { BackgroundJob } from '../run-every.ts'

/** A job that runs on a cron schedule, each time in one of the processes that share the database. */
export type CronJob = {
  /** Letters, digits and hyphens. It identifies the stored schedule: processes that know another name skip the job. */
  name: string
  /** Cron expression in UTC, with five fields: the job runs at most once a minute. */
  cron: string
  /** The signal can abort it at any time; the next call continues with the rest. */
  task: (signal: AbortSignal) => Promise<unknown>
}

type QueuedTask = { task: string }

const queueSettings = {
  notify: true,
  // A job that fails runs again at its next scheduled time.
  retryLimit: 0,
  heartbeatSeconds: 60,
  expireInSeconds: 60 * 60,
  retentionSeconds: 60 * 60,
  deleteAfterSeconds: 60 * 60,
}

/**
 * Runs jobs on their schedules, each in one of the processes that share the database.
 *
 * @param queue the queue of a worker process: only workers supervise schedules
 * @param queueName queue of the jobs; each process runs one job of it at a time
 */
export async function startCronJobs(
  { boss }: Queue,
  queueName: string,
  jobs: readonly CronJob[],
  logger: Logger,
): Promise<BackgroundJob> {
  const stopping = new AbortController()
  await boss.createQueue(queueName, { ...queueSettings, policy: 'stately' })
  for (const { name, cron } of jobs) {
    const data: QueuedTask = { task: name }
    // With the singleton key, a job is queued at most once and active at most once, however long it takes.
    await boss.schedule(queueName, cron, data, { key: name, tz: 'UTC', singletonKey: name, missed: 'once' })
  }
  const known = new Map(jobs.map(({ name, task }) => [name, task]))
  for (const { key } of await boss.getSchedules(queueName)) {
    if (!known.has(key)) await boss.unschedule(queueName, key)
  }

  const settings = { pollingIntervalSeconds: 5, notifyPollingIntervalSeconds: 30 }
  await boss.work<QueuedTask>(queueName, settings, async ([job]) => {
    if (!job) return
    const { task } = job.data
    const signal = AbortSignal.any([job.signal, stopping.signal])
    try {
      // Another version of this program can have queued a task that does not exist here.
      await known.get(task)?.(signal)
    } catch (error) {
      if (signal.aborted) return
      logger.error(
        { err: error, task },
        'A maintenance task failed; it runs again at its next scheduled time.',
      )
    }
  })
  return {
    stop: async () => {
      stopping.abort()
      await boss.offWork(queueName, { wait: true })
    },
  }
}
