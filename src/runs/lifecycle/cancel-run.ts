import type { Viewer } from '../../auth/viewer.ts'
import { InputError, NotFoundError, WrongStatusError } from '../../errors.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import { findRun } from '../list/find-run.ts'
import type { Services } from '../services.ts'
import { isFinal } from './status.ts'
import { transition } from './transition.ts'

const longestReason = 500

/**
 * Asks a run to stop. A run that has not started ends at once; one that is being made is CANCELING until its worker
 * has stopped, within a second. Asking again changes nothing.
 *
 * @param reason kept with the run; null when none was given
 * @throws NotFoundError when the viewer has no such run
 * @throws WrongStatusError when it has ended already
 */
export async function cancelRun(
  deps: Pick<Services, 'prisma' | 'wakeUp' | 'now' | 'metrics'>,
  viewer: Viewer,
  id: string,
  reason: string | null,
): Promise<ReportRun> {
  if (reason !== null && (reason.length > longestReason || reason.includes('\0') || !reason.isWellFormed())) {
    throw new InputError(`The reason has to be text of at most ${longestReason} characters.`, ['reason'])
  }
  while (true) {
    const run = await findRun(deps.prisma, viewer, id)
    if (!run) throw new NotFoundError(`There is no report run ${JSON.stringify(id)}.`, ['id'])
    if (run.status === 'CANCELING') return run
    if (isFinal(run.status)) {
      throw new WrongStatusError(`The report run ${id} has ended already: it is ${run.status}.`, id)
    }
    const at = deps.now()
    const asked = { cancelRequestedAt: at, cancelRequestedById: viewer.apiKeyId, cancelReason: reason }
    const change =
      run.status === 'PENDING'
        ? ({ to: 'CANCELED', data: { ...asked, finishedAt: at } } as const)
        : ({ to: 'CANCELING', data: asked } as const)
    const changed = await transition(deps, {
      runId: id,
      from: run.status,
      actorId: viewer.apiKeyId,
      ...change,
    })
    // Null means that the run moved on in between: look again. Every round leaves one status behind, so it ends.
    if (changed) return changed
  }
}
