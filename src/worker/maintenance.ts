import type { Logger } from 'pino'
import type { Queue } from '../postgres/queue.ts'

/** Jobs of scheduled tasks; one queue for all processes, so that each occurrence is done by one of them. */
export const maintenanceQueue = 'maintenance'

export type MaintenanceJob = { task: string }

export type MaintenanceTask = {
  /** Letters, digits and hyphens; it names the schedule, so it stays. */
  name: string
  /** When it is done, in UTC; five fields, so once a minute at most. */
  cron: string
  /** May be ended by the signal at any time, and then goes on next time. */
  run(signal: AbortSignal): Promise<void>
}

export type Maintenance = {
  /** Ends the task that runs in this process, and takes no more. */
  stop(): Promise<void>
}

export type MaintenanceOptions = {
  /** Of a process that works: only there the schedules are looked after. */
  queue: Queue
  tasks: readonly MaintenanceTask[]
  logger: Logger
  /** The name of their queue, of which a process does one task at a time; `maintenance` unless given. */
  name?: string
}

const queueSettings = {
  notify: true,
  // One that fails is done again when its time comes.
  retryLimit: 0,
  heartbeatSeconds: 60,
  expireInSeconds: 60 * 60,
  retentionSeconds: 60 * 60,
  deleteAfterSeconds: 60 * 60,
}

/** Does tasks at their times, each in one of all processes that share the database. */
export async function startMaintenance({
  queue,
  tasks,
  logger,
  name: queueName = maintenanceQueue,
}: MaintenanceOptions): Promise<Maintenance> {
  const stopping = new AbortController()
  await queue.boss.createQueue(queueName, { ...queueSettings, policy: 'stately' })
  await schedule(queue, queueName, tasks)

  const perform = async (name: string, lost: AbortSignal): Promise<void> => {
    const task = tasks.find((known) => known.name === name)
    // Another version of this program may have asked for it.
    if (!task) return
    const signal = AbortSignal.any([lost, stopping.signal])
    try {
      await task.run(signal)
    } catch (error) {
      if (signal.aborted) return
      logger.error(
        { err: error, task: name },
        'A maintenance task failed; it is done again at its next time.',
      )
    }
  }
  const settings = { pollingIntervalSeconds: 5, notifyPollingIntervalSeconds: 30 }
  await queue.boss.work<MaintenanceJob>(queueName, settings, async ([job]) => {
    if (job) await perform(job.data.task, job.signal)
  })
  return {
    stop: async () => {
      stopping.abort()
      await queue.boss.offWork(queueName, { wait: true })
    },
  }
}

/** Makes the schedules what the tasks say, and removes those of tasks that are gone. */
async function schedule(
  { boss }: Queue,
  queueName: string,
  tasks: readonly MaintenanceTask[],
): Promise<void> {
  for (const { name, cron } of tasks) {
    const job: MaintenanceJob = { task: name }
    // By its key, a task waits once and is done once at a time, however long it takes.
    await boss.schedule(queueName, cron, job, {
      key: name,
      tz: 'UTC',
      singletonKey: name,
      missed: 'once',
    })
  }
  const known = new Set(tasks.map(({ name }) => name))
  for (const { key } of await boss.getSchedules(queueName)) {
    if (!known.has(key)) await boss.unschedule(queueName, key)
  }
}
