import type { KeyUse } from '../auth/key-use.ts'
import type { KeyWatch } from '../auth/key-watch.ts'
import type { Config } from '../config/config.ts'
import { type BackgroundJob, type RunEveryOptions, runEvery } from '../run-every.ts'
import { pruneKeys } from '../runs/create/idempotency.ts'
import { pruneDailyCounts } from '../runs/create/quota.ts'
import { pruneEvents } from '../runs/follow/prune-events.ts'
import { endLateRuns } from '../runs/lifecycle/deadlines.ts'
import { deleteExpiredFiles } from '../runs/lifecycle/delete-run.ts'
import { releaseRuns, requeueOrphans } from '../runs/lifecycle/release.ts'
import type { Services } from '../runs/services.ts'
import { runDueSchedules } from '../schedules/run-due.ts'
import { type CronJob, startCronJobs } from '../worker/cron-jobs.ts'

export type BackgroundJobsOptions = Pick<Config, 'role' | 'eventDays'> & {
  services: Services
  keyWatch: KeyWatch
  keyUse: KeyUse
}

type IntervalJob = Omit<RunEveryOptions, 'logger'>

/** A separate queue, so that a long cleanup does not delay scheduled reports. */
export const scheduleQueue = 'report-schedule'

const dayMilliseconds = 24 * 60 * 60 * 1000

/**
 * Starts the periodic jobs of a process of this role. It does not start the timers that keep a connection or a subscription
 * alive. Their owners do: the heartbeats of sockets and of the wake-up connection, the watch of the embedded Postgres, and
 * the polls of the hub and of pg-boss.
 */
export async function startBackgroundJobs(options: BackgroundJobsOptions): Promise<BackgroundJob> {
  const { queue, logger } = options.services
  const running: BackgroundJob[] = listIntervalJobs(options).map((job) => runEvery({ ...job, logger }))
  const cronJobs = options.role === 'gateway' ? {} : listCronJobs(options)
  for (const [queueName, jobs] of Object.entries(cronJobs)) {
    running.push(await startCronJobs(queue, queueName, jobs, logger))
  }
  return {
    stop: async () => {
      await Promise.all(running.map((job) => job.stop()))
    },
  }
}

/** Jobs that each process of the role runs at an interval. */
export function listIntervalJobs({ role, services, keyWatch, keyUse }: BackgroundJobsOptions): IntervalJob[] {
  const { prisma, queue, logger } = services
  const inEachProcess: IntervalJob[] = [
    {
      // In every process, so that runs end in time even when no worker runs.
      task: (signal) => endLateRuns(services, signal),
      milliseconds: 1_000,
      failureMessage: 'Runs past their deadline could not be ended; trying again.',
    },
  ]
  const inEachGateway: IntervalJob[] = [
    {
      task: keyWatch.check,
      milliseconds: 2_000,
      failureMessage: 'API keys in use could not be checked; trying again.',
    },
    {
      task: keyUse.write,
      milliseconds: 2_000,
      failureMessage: 'The last use of API keys could not be recorded.',
    },
  ]
  const inEachWorker: IntervalJob[] = [
    {
      task: (signal) => releaseRuns(services, signal),
      milliseconds: 2_000,
      failureMessage: 'Runs that wait for data could not be released; trying again.',
    },
    {
      task: () => requeueOrphans(prisma, queue, logger),
      milliseconds: 60_000,
      failureMessage: 'Runs without a job could not be queued; trying again.',
    },
  ]
  return [
    ...inEachProcess,
    ...(role === 'worker' ? [] : inEachGateway),
    ...(role === 'gateway' ? [] : inEachWorker),
  ]
}

/** Lists jobs by queue. One worker runs a job at each scheduled time. A worker runs one job of a queue at a time. */
function listCronJobs({ services, eventDays }: BackgroundJobsOptions): Record<string, CronJob[]> {
  const { prisma, now } = services
  return {
    maintenance: [
      {
        name: 'prune-events',
        cron: '*/10 * * * *',
        task: (signal) =>
          pruneEvents(prisma, new Date(now().getTime() - eventDays * dayMilliseconds), signal),
      },
      {
        name: 'delete-expired-files',
        cron: '*/5 * * * *',
        task: (signal) => deleteExpiredFiles(services, signal),
      },
      { name: 'prune-idempotency-keys', cron: '7 * * * *', task: () => pruneKeys(prisma, now()) },
      { name: 'prune-daily-counts', cron: '17 3 * * *', task: () => pruneDailyCounts(prisma, now()) },
    ],
    // Each schedule stores when it is due, so the next pass finds an occurrence that the queue has lost.
    [scheduleQueue]: [
      { name: 'run-due-schedules', cron: '* * * * *', task: (signal) => runDueSchedules(services, signal) },
    ],
  }
}
