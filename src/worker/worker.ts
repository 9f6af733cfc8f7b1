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
  /** Runs worked on at once by this process. */
  concurrency: number
  /** Seconds that running reports are given to end when the worker stops. */
  stopSeconds: number
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
      deps.logger.error({ err: error, runId }, 'A worker could not deal with a run; it is tried again.')
      return 'FAULT' as const
    })
    const wait = waits[outcome]
    if (wait === null) return
    await retryDuringOutage(() => queue.putBack(job, wait), retryOptions(deps, signals))
    // It fails only when the worker has stopped.
    wakeLater(slotId, wait).catch(() => {})
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

  const stop = async (): Promise<void> => {
    const patience = setTimeout(() => stopping.abort(), stopSeconds * 1_000)
    await queue.boss.offWork(reportRunQueue, { wait: true })
    clearTimeout(patience)
    stopped.abort()
    // What was handed back, and places that became free, are for others now.
    await queue.wake().catch(() => {})
  }
  let ending: Promise<void> | null = null
  return {
    /**
     * Takes no more jobs, gives the running reports some time to end, and hands the others back; they begin again elsewhere.
     * Safe to call twice.
     */
    stop: () => (ending ??= stop()),
  }
}
