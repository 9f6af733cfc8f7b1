import { type Queue, type ReportRunJob, reportRunQueue } from '../database/queue.ts'
import { runReport, type WorkerDependencies } from './run-report.ts'

export type Worker = {
  /** Stops taking jobs and hands the running ones back; they begin anew elsewhere. */
  stop(): Promise<void>
}

/**
 * Takes report runs from the queue as they are created.
 *
 * @param concurrency runs worked on at once
 */
export const startWorker = async (
  deps: WorkerDependencies,
  queue: Queue,
  concurrency: number,
): Promise<Worker> => {
  const stopping = new AbortController()
  const settings = { pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 5 }
  for (let i = 0; i < concurrency; i++) {
    let workerId = ''
    workerId = await queue.boss.work<ReportRunJob>(reportRunQueue, settings, async ([job]) => {
      try {
        if (job) await runReport(deps, job.data.runId, AbortSignal.any([stopping.signal, job.signal]))
      } finally {
        // More jobs may have come than one, and they were announced while this one ran: look again at once.
        queue.boss.notifyWorker(workerId)
      }
    })
  }
  return {
    stop: async () => {
      stopping.abort()
      await queue.boss.offWork(reportRunQueue, { wait: true })
    },
  }
}
