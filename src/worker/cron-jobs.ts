import type { Logger } from 'pino'
import type { Queue } from '../postgres/queue.ts'
import type { BackgroundJob } from '../run-every.ts'

/** Something that is done at its times by one of all processes that share the database. */
export type CronJob = {
  /** Letters, digits and hyphens; it names the schedule, so it stays. */
  name: string
  /** When it is done, in UTC; five fields, so once a minute at most. */
  cron: string
  /** The signal may end it at any time; the next call goes on with what is left. */
  task: (signal: AbortSignal) => Promise<unknown>
}

type QueuedTask = { task: string }

const queueSettings = {
  notify: true,
  // One that fails is done again when its time comes.
  retryLimit: 0,
  heartbeatSeconds: 60,
  expireInSeconds: 60 * 60,
  retentionSeconds: 60 * 60,
  deleteAfterSeconds: 60 * 60,
}

/**
 * Does jobs at their times, each in one of all processes that share the database.
 *
 * @param queue that of a process that works: only there the schedules are looked after
 * @param queueName queue that the jobs go through, of which a process does one at a time
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
    // By its key, a job waits once and is done once at a time, however long it takes.
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
      // Another version of this program may have asked for one that is not known here.
      await known.get(task)?.(signal)
    } catch (error) {
      if (signal.aborted) return
      logger.error({ err: error, task }, 'A maintenance task failed; it is done again at its next time.')
    }
  })
  return {
    stop: async () => {
      stopping.abort()
      await boss.offWork(queueName, { wait: true })
    },
  }
}
