import { setTimeout as delay } from 'node:timers/promises'
import type { ReportRun, ReportRunStatus } from '../database/generated/prisma/client.ts'
import type { WorkerDependencies } from './dependencies.ts'

const retryMilliseconds = 500

/**
 * Watches a run that is being worked on.
 *
 * @param onEnded called when the run is asked to stop, or was ended by others
 * @param done ends the watch
 */
export const watchRun = async (
  { hub, prisma, log }: WorkerDependencies,
  run: ReportRun,
  onEnded: () => void,
  done: AbortSignal,
): Promise<void> => {
  const mailbox = await hub.subscribe(run, run.id, done)
  const currentStatus = async (): Promise<ReportRunStatus | undefined> => {
    while (true) {
      try {
        const where = { id: run.id }
        return (await prisma.reportRun.findUnique({ where, select: { status: true } }))?.status
      } catch (error) {
        log.warn({ err: error, runId: run.id }, 'The run could not be read; trying again.')
        await delay(retryMilliseconds, undefined, { signal: done })
      }
    }
  }
  const watch = async (): Promise<void> => {
    let status = await currentStatus()
    while (status === 'RUNNING') {
      const entry = await mailbox.take()
      if (entry === null) return
      status = entry.event.toStatus
    }
    onEnded()
  }
  // It only fails when the run is done and nobody has to watch it any more.
  watch().catch(() => {})
}
