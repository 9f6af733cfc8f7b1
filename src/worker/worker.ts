import { type Queue, type ReportRunJob, reportRunQueue } from '../postgres/queue.ts'
import { retryDuringOutage } from '../postgres/retry.ts'
import {
  type Outcome,
  type RunWork,
  retryOptions,
  type WorkerDependencies,
  type WorkLimits,
} from './dependencies.ts'
import { createLastAttempt } from './last-attempt.ts'
import { requeueOrphans } from './requeue.ts'
import { runReport } from './run-report.ts'

export type Worker = {
  /**
   * Takes no more jobs, gives the running reports some time to end, and hands the others back; they begin anew elsewhere.
   * Safe to call twice.
   */
  stop(): Promise<void>
}

export type WorkerOptions = WorkLimits & {
  /** Runs worked on at once by this process. */
  concurrency: number
  /** Seconds that running reports are given to end when the worker stops. */
  stopSeconds: number
  /** Milliseconds between looks for runs without a job; a minute unless given. */
  requeueMilliseconds?: number
}

type Slot = { id: string; job: { id: string; retryCount: number; signal: AbortSignal; data: ReportRunJob } }

/** When a job that was not brought to its end may be taken again. Null means never. */
const waits: Record<Outcome | 'FAULT', number | null> = {
  ENDED: null,
  WAITS: 500,
  LOST: 1_000,
  HANDED_BACK: 0,
  FAULT: 5_000,
}

/** Takes report runs from the queue as they are created. */
export async function startWorker(
  deps: WorkerDependencies,
  queue: Queue,
  { concurrency, accountConcurrency, runAttempts, stopSeconds, requeueMilliseconds = 60_000 }: WorkerOptions,
): Promise<Worker> {
  const limits = { accountConcurrency, runAttempts }
  const work: RunWork = { ...deps, limits, lastAttempt: createLastAttempt() }
  const stopping = new AbortController()
  const timers = new Set<NodeJS.Timeout>()

  const wakeLater = (slotId: string, milliseconds: number): void => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      queue.boss.notifyWorker(slotId)
    }, milliseconds)
    timers.add(timer)
  }

  const perform = async ({ id: slotId, job }: Slot): Promise<void> => {
    const { runId } = job.data
    const signals = { lost: job.signal, stopping: stopping.signal }
    const claim = { ...signals, runId, isHeld: (tx: Parameters<Queue['holds']>[0]) => queue.holds(tx, job) }
    const outcome = await runReport(work, claim).catch((error: unknown) => {
      deps.logger.error({ err: error, runId }, 'A worker could not deal with a run; it is tried again.')
      return 'FAULT' as const
    })
    const wait = waits[outcome]
    if (wait === null) return
    await retryDuringOutage(() => queue.putBack(job, wait), retryOptions(deps, signals))
    wakeLater(slotId, wait)
  }

  const settings = {
    pollingIntervalSeconds: 0.5,
    notifyPollingIntervalSeconds: 2,
    heartbeatRefreshSeconds: 2,
    // A first look at the limit, so that few jobs are fetched in vain; what counts is the look at the runs.
    groupConcurrency: limits.accountConcurrency,
  }
  for (let i = 0; i < concurrency; i++) {
    let id = ''
    id = await queue.boss.work<ReportRunJob>(reportRunQueue, settings, async ([job]) => {
      try {
        if (job) await perform({ id, job })
      } finally {
        // More jobs may have come than one, and they were announced while this one ran: look again at once.
        queue.boss.notifyWorker(id)
      }
    })
  }

  let requeuing: Promise<void> | null = null
  const requeue = setInterval(() => {
    requeuing ??= requeueOrphans(deps.prisma, queue, deps.logger)
      .catch((error: unknown) =>
        deps.logger.warn({ err: error }, 'Runs without a job could not be looked for.'),
      )
      .finally(() => {
        requeuing = null
      })
  }, requeueMilliseconds)

  const stop = async (): Promise<void> => {
    clearInterval(requeue)
    await requeuing
    const patience = setTimeout(() => stopping.abort(), stopSeconds * 1_000)
    await queue.boss.offWork(reportRunQueue, { wait: true })
    clearTimeout(patience)
    for (const timer of timers) clearTimeout(timer)
    // What was handed back, and places that became free, are for others now.
    await queue.wake().catch(() => {})
  }
  let stopped: Promise<void> | null = null
  return {
    stop: () => {
      stopped ??= stop()
      return stopped
    },
  }
}
