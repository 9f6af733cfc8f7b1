import { setTimeout as delay } from 'node:timers/promises'
import { retryDuringOutage } from '../postgres/outage.ts'
import { type Queue, type ReportRunJob, reportRunQueue } from '../postgres/queue.ts'
import { createLastAttempt } from './claim.ts'
import {
  type Outcome,
  type RunWork,
  retryOptions,
  type WorkerServices,
  type WorkLimits,
} from './dependencies.ts'
import { runReport } from './run-report.ts'

export type Worker = Awaited<ReturnType<typeof startWorker>>

export type WorkerOptions = WorkLimits & {
  /** Maximum number of runs that this process works on at once. */
  concurrency: number
  /** Seconds that running reports have to finish when the worker stops. */
  stopSeconds: number
}

type Slot = { id: string; job: { id: string; retryCount: number; signal: AbortSignal; data: ReportRunJob } }

/** Milliseconds until an unfinished job can be taken again; null means never. */
const retryDelays: Record<Outcome | 'FAULT', number | null> = {
  ENDED: null,
  WAITS: 500,
  LOST: 1_000,
  HANDED_BACK: 0,
  FAULT: 5_000,
}

/** Starts a worker, which takes report runs from the queue and runs them. */
export async function startWorker(
  deps: WorkerServices,
  queue: Queue,
  { concurrency, accountConcurrency, runAttempts, stopSeconds }: WorkerOptions,
) {
  const limits = { accountConcurrency, runAttempts }
  const work: RunWork = { ...deps, limits, tryLastAttempt: createLastAttempt() }
  const stopping = new AbortController()
  const stopped = new AbortController()

  const wakeLater = async (slotId: string, milliseconds: number): Promise<void> => {
    await delay(milliseconds, undefined, { signal: stopped.signal })
    queue.boss.notifyWorker(slotId)
  }

  const perform = async ({ id: slotId, job }: Slot): Promise<void> => {
    const { runId } = job.data
    const signals = { lost: job.signal, stopping: stopping.signal }
    const claim = { ...signals, runId, isHeld: (tx: Parameters<Queue['holds']>[0]) => queue.holds(tx, job) }
    const outcome = await runReport(work, claim).catch((error: unknown) => {
      deps.logger.error({ err: error, runId }, 'A worker could not process a run; it tries again.')
      return 'FAULT' as const
    })
    const wait = retryDelays[outcome]
    if (wait === null) return
    await retryDuringOutage(() => queue.putBack(job, wait), retryOptions(deps, signals))
    // It fails only when the worker has stopped.
    wakeLater(slotId, wait).catch(() => {})
  }

  const settings = {
    pollingIntervalSeconds: 0.5,
    notifyPollingIntervalSeconds: 2,
    heartbeatRefreshSeconds: 2,
    // An early check of the limit, so that few jobs are fetched in vain; the check at the claim decides.
    groupConcurrency: limits.accountConcurrency,
  }
  for (let i = 0; i < concurrency; i++) {
    let id = ''
    id = await queue.boss.work<ReportRunJob>(reportRunQueue, settings, async ([job]) => {
      try {
        if (job) await perform({ id, job })
      } finally {
        // More jobs can have been announced while this one ran: look again at once.
        queue.boss.notifyWorker(id)
      }
    })
  }

  const stop = async (): Promise<void> => {
    const stopTimer = setTimeout(() => stopping.abort(), stopSeconds * 1_000)
    await queue.boss.offWork(reportRunQueue, { wait: true })
    clearTimeout(stopTimer)
    stopped.abort()
    // Other workers can now take the runs that were handed back, and the capacity that became free.
    await queue.wake().catch(() => {})
  }
  let ending: Promise<void> | null = null
  return {
    /**
     * Takes no more jobs, lets running reports finish within `stopSeconds`, and hands the rest back; those start again in
     * another worker. Safe to call twice.
     */
    stop: () => (ending ??= stop()),
  }
}
