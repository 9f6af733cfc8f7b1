import { InputError, WrongStatusError } from '../../errors.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import type { Actor } from '../../tenant.ts'
import { type ChangeServices, changeRun, isFinal } from './transition.ts'

const maxReason = 500

/**
 * Cancels a run. A run that has not started ends at once; a running one is CANCELING until its worker stops, which takes
 * less than a second. Canceling again changes nothing.
 *
 * @throws InputError when the reason is too long or cannot be stored
 * @throws NotFoundError when the account and mode of the actor have no such run
 * @throws WrongStatusError when the run has ended already
 */
export async function cancelRun(
  deps: ChangeServices,
  actor: Actor,
  id: string,
  reason: string | null,
): Promise<ReportRun> {
  if (reason !== null && (reason.length > maxReason || reason.includes('\0') || !reason.isWellFormed())) {
    const fault =
      reason.length > maxReason
        ? `has ${reason.length} characters; at most ${maxReason} are allowed.`
        : 'contains NUL or an unpaired surrogate, which cannot be stored. Leave that character out.'
    throw new InputError(`The reason ${fault}`, ['reason'])
  }
  return changeRun(deps, actor, id, (run) => {
    if (run.status === 'CANCELING') return null
    if (isFinal(run.status)) {
      throw new WrongStatusError(
        `The report run ${id} is ${run.status}; only a run that has not ended can be canceled.`,
        id,
      )
    }
    const at = deps.now()
    const request = { cancelRequestedAt: at, cancelRequestedById: actor.apiKeyId, cancelReason: reason }
    return run.status === 'PENDING'
      ? { to: 'CANCELED', data: { ...request, finishedAt: at } }
      : { to: 'CANCELING', data: request }
  })
}
