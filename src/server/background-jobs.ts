import type { KeyWatch } from '../auth/key-watch.ts'
import type { Config } from '../config/config.ts'
import { type BackgroundJob, type RunEveryOptions, runEvery } from '../run-every.ts'
import { pruneKeys } from '../runs/create/idempotency.ts'
import { pruneDailyCounts } from '../runs/create/quota.ts'
import { pruneEvents } from '../runs/follow/event-log.ts'
import { endLateRuns } from '../runs/lifecycle/deadlines.ts'
import { deleteExpiredFiles } from '../runs/lifecycle/delete-run.ts'
import { releaseRuns, requeueOrphans } from '../runs/lifecycle/release.ts'
import type { Services } from '../runs/services.ts'
import { runDueSchedules } from '../schedules/run-due.ts'
import { type CronJob, startCronJobs } from '../worker/cron-jobs.ts'

export type BackgroundJobsOptions = Pick<Config, 'role' | 'eventDays'> & {
  services: Services
  keyWatch: KeyWatch
}

type IntervalJob = Omit<RunEveryOptions, 'logger'>

/** A queue of its own: a clean-up that takes long must not make reports late. */
export const scheduleQueue = 'report-schedule'

const dayMilliseconds = 24 * 60 * 60 * 1000

/**
 * Starts all that a process of this role does without being asked, but for what keeps a connection or a subscription going:
 * the heartbeats of sockets and of the wake-up connection, the watch of the embedded Postgres, and the polls of the hub and of
 * pg-boss.
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

/** What each process of the role does again and again. */
export function listIntervalJobs({ role, services, keyWatch }: BackgroundJobsOptions): IntervalJob[] {
  const { prisma, queue, logger } = services
  const inEachProcess: IntervalJob[] = [
    {
      // So that runs end in time although no worker lives.
      task: (signal) => endLateRuns(services, signal),
      milliseconds: 1_000,
      failureMessage: 'Late runs could not be looked for; trying on.',
    },
  ]
  const inEachGateway: IntervalJob[] = [
    {
      task: keyWatch.check,
      milliseconds: 2_000,
      failureMessage: 'It could not be seen whether keys in use are still good; looking again soon.',
    },
  ]
  const inEachWorker: IntervalJob[] = [
    {
      task: (signal) => releaseRuns(services, signal),
      milliseconds: 2_000,
      failureMessage: 'Runs that wait for data could not be looked for; trying on.',
    },
    {
      task: () => requeueOrphans(prisma, queue, logger),
      milliseconds: 60_000,
      failureMessage: 'Runs without a job could not be looked for.',
    },
  ]
  return [
    ...inEachProcess,
    ...(role === 'worker' ? [] : inEachGateway),
    ...(role === 'gateway' ? [] : inEachWorker),
  ]
}

/** At the time of its cron expression each is done by one of all workers, one of a queue at a time. */
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
    // When a schedule is due stands with it, so an occurrence that the queue loses is found at the next look.
    [scheduleQueue]: [
      { name: 'run-due-schedules', cron: '* * * * *', task: (signal) => runDueSchedules(services, signal) },
    ],
  }
}
