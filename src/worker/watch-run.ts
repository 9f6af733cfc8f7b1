import type { ReportRun } from '../postgres/generated/prisma/client.ts'
import { retryDuringOutage } from '../postgres/retry.ts'
import type { WorkerServices } from './dependencies.ts'

/**
 * Watches a run that is being worked on.
 *
 * @param onEnded called when the run is asked to stop, or was ended by others
 * @param done ends the watch
 */
export async function watchRun(
  { hub, prisma, logger }: Pick<WorkerServices, 'hub' | 'prisma' | 'logger'>,
  run: ReportRun,
  onEnded: () => void,
  done: AbortSignal,
): Promise<void> {
  const latest = await hub.subscribe(run, run.id, done)
  const readState = () =>
    prisma.reportRun.findUnique({ where: { id: run.id }, select: { status: true, version: true } })
  const watch = async (): Promise<void> => {
    const failureMessage = 'A run that is being worked on could not be read.'
    let state = await retryDuringOutage(readState, { signal: done, logger, failureMessage })
    while (state?.status === 'RUNNING') {
      const entry = await latest.take()
      if (entry === null) return
      const { toStatus: status, runVersion: version } = entry.event
      // A log that is read late brings events from before the work, such as that of the run's creation.
      if (version > state.version) state = { status, version }
    }
    onEnded()
  }
  watch().catch((error: unknown) => {
    if (!done.aborted)
      logger.error({ err: error, runId: run.id }, 'A run that is being worked on is not watched.')
  })
}
