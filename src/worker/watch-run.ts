import { setTimeout as delay } from 'node:timers/promises'
import type { ReportRun } from '../postgres/generated/prisma/client.ts'
import type { WorkerDependencies } from './dependencies.ts'

const retryMilliseconds = 500

type RunState = Pick<ReportRun, 'status' | 'version'>

/**
 * Watches a run that is being worked on.
 *
 * @param onEnded called when the run is asked to stop, or was ended by others
 * @param done ends the watch
 */
export async function watchRun(
  { hub, prisma, logger }: Pick<WorkerDependencies, 'hub' | 'prisma' | 'logger'>,
  run: ReportRun,
  onEnded: () => void,
  done: AbortSignal,
): Promise<void> {
  const latest = await hub.subscribe(run, run.id, done)
  const readState = async (): Promise<RunState | null> => {
    while (true) {
      try {
        const where = { id: run.id }
        return await prisma.reportRun.findUnique({ where, select: { status: true, version: true } })
      } catch (error) {
        logger.warn({ err: error, runId: run.id }, 'The run could not be read; trying again.')
        await delay(retryMilliseconds, undefined, { signal: done })
      }
    }
  }
  const watch = async (): Promise<void> => {
    let state = await readState()
    while (state?.status === 'RUNNING') {
      const entry = await latest.take()
      if (entry === null) return
      const { toStatus: status, runVersion: version } = entry.event
      // A log that is read late brings events from before the work, such as that of the run's creation.
      if (version > state.version) state = { status, version }
    }
    onEnded()
  }
  // It only fails when the run is done and nobody has to watch it any more.
  watch().catch(() => {})
}
