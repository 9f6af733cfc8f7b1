import type { KeyWatch } from '../auth/key-watch.ts'
import type { Config } from '../config/config.ts'
import { type BackgroundJob, runEvery } from '../run-every.ts'
import { pruneKeys } from '../runs/create/idempotency.ts'
import { pruneDailyCounts } from '../runs/create/quota.ts'
import { pruneEvents } from '../runs/follow/event-log.ts'
import { endLateRuns } from '../runs/lifecycle/deadlines.ts'
import { eraseExpiredFiles } from '../runs/lifecycle/erase.ts'
import { releaseRuns } from '../runs/lifecycle/release.ts'
import type { Services } from '../runs/services.ts'
import { runDueSchedules } from '../schedules/run-due.ts'
import { type CronJob, startCronJobs } from '../worker/cron-jobs.ts'
import { requeueOrphans } from '../worker/requeue.ts'

export type BackgroundJobsOptions = Pick<Config, 'role' | 'eventDays'> & {
  services: Services
  keyWatch: KeyWatch
}

type IntervalJob = {
  task: (signal: AbortSignal) => Promise<unknown>
  milliseconds: number
  /** A sentence for the log when a call fails. */
  failureMessage: string
}

/** A queue of its own: a clean-up that takes long must not make reports late. */
export const scheduleQueue = 'report-schedule'

const dayMilliseconds = 24 * 60 * 60 * 1000

/**
 * Starts all that a process does without being asked. The lists below are complete, but for what keeps a single connection
 * or subscription going: the heartbeats of sockets and of the wake-up connection, the polls of the hub and of pg-boss.
 */
export async function startBackgroundJobs(options: BackgroundJobsOptions): Promise<BackgroundJob> {
  const { role, services } = options
  const { queue, logger } = services
  const cronJobs = { maintenance: maintenanceJobs(options), [scheduleQueue]: scheduleJobs(options) }
  const running =
    role === 'gateway'
      ? []
      : await Promise.all(
          Object.entries(cronJobs).map(([queueName, jobs]) =>
            startCronJobs({ queue, queueName, jobs, logger }),
          ),
        )
  const intervalJobs = [
    ...jobsOfEachProcess(options),
    ...(role === 'worker' ? [] : jobsOfEachGateway(options)),
    ...(role === 'gateway' ? [] : jobsOfEachWorker(options)),
  ]
  running.push(...intervalJobs.map((job) => runEvery({ ...job, logger })))
  return {
    stop: async () => {
      await Promise.all(running.map((job) => job.stop()))
    },
  }
}

/** In every process, so that runs end in time although no worker lives. */
function jobsOfEachProcess({ services }: BackgroundJobsOptions): IntervalJob[] {
  return [
    {
      task: (signal) => endLateRuns(services, signal),
      milliseconds: 1_000,
      failureMessage: 'Late runs could not be looked for; trying on.',
    },
  ]
}

function jobsOfEachGateway({ keyWatch }: BackgroundJobsOptions): IntervalJob[] {
  return [
    {
      task: keyWatch.check,
      milliseconds: 2_000,
      failureMessage: 'It could not be seen whether keys in use are still good; looking again soon.',
    },
  ]
}

function jobsOfEachWorker({ services }: BackgroundJobsOptions): IntervalJob[] {
  return [
    {
      task: (signal) => releaseRuns(services, signal),
      milliseconds: 2_000,
      failureMessage: 'Runs that wait for data could not be looked for; trying on.',
    },
    {
      task: () => requeueOrphans(services.prisma, services.queue, services.logger),
      milliseconds: 60_000,
      failureMessage: 'Runs without a job could not be looked for.',
    },
  ]
}

/** At their times, in one of all workers. */
function maintenanceJobs({ services, eventDays }: BackgroundJobsOptions): CronJob[] {
  const { prisma, now } = services
  const oldestEvent = (): Date => new Date(now().getTime() - eventDays * dayMilliseconds)
  return [
    {
      name: 'prune-events',
      cron: '*/10 * * * *',
      task: (signal) => pruneEvents(prisma, oldestEvent(), signal),
    },
    {
      name: 'erase-expired-files',
      cron: '*/5 * * * *',
      task: (signal) => eraseExpiredFiles(services, signal),
    },
    { name: 'prune-idempotency-keys', cron: '7 * * * *', task: () => pruneKeys(prisma, now()) },
    { name: 'prune-daily-counts', cron: '17 3 * * *', task: () => pruneDailyCounts(prisma, now()) },
  ]
}

/** When a schedule is due stands with it, so an occurrence that the queue loses is found at the next look. */
function scheduleJobs({ services }: BackgroundJobsOptions): CronJob[] {
  return [
    { name: 'run-due-schedules', cron: '* * * * *', task: (signal) => runDueSchedules(services, signal) },
  ]
}
