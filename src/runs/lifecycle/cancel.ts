import { InputError, WrongStatusError } from '../../errors.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import type { Viewer } from '../../tenant.ts'
import { type ChangeServices, changeRun, isFinal } from './transition.ts'

const maxReason = 500

/**
 * Asks a run to stop. A run that has not started ends at once; a running one is CANCELING until its worker
 * has stopped, within a second. Asking again changes nothing.
 *
 * @throws NotFoundError when the viewer has no such run
 * @throws WrongStatusError when it has ended already
 */
export async function cancelRun(
  deps: ChangeServices,
  viewer: Viewer,
  id: string,
  reason: string | null,
): Promise<ReportRun> {
  if (reason !== null && (reason.length > maxReason || reason.includes('\0') || !reason.isWellFormed())) {
    throw new InputError(`The reason has to be text of at most ${maxReason} characters.`, ['reason'])
  }
  return changeRun(deps, viewer, id, (run) => {
    if (run.status === 'CANCELING') return null
    if (isFinal(run.status)) {
      throw new WrongStatusError(`The report run ${id} has ended already: it is ${run.status}.`, id)
    }
    const at = deps.now()
    const asked = { cancelRequestedAt: at, cancelRequestedById: viewer.apiKeyId, cancelReason: reason }
    return run.status === 'PENDING'
      ? { to: 'CANCELED', data: { ...asked, finishedAt: at } }
      : { to: 'CANCELING', data: asked }
  })
}
