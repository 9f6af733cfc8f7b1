import { InputError, WrongStatusError } from '../../errors.ts'
import type { Prisma as PrismaTypes, ReportRun } from '../../postgres/generated/prisma/client.ts'
import type { Viewer } from '../../tenant.ts'
import { checkGivenAnnotations, type GivenAnnotations } from '../create/request.ts'
import { type ChangeServices, changeRun, isFinal } from './transition.ts'

/** What may be changed; what is absent stays as it is. Null takes the label away; tags and metadata replace all of them. */
export type RunPatch = GivenAnnotations & {
  /** New end of retention. */
  expiresAt?: Date | undefined
}

/**
 * Changes what a run is called and how long its result is kept; nothing else of it changes. Followers are notified.
 *
 * @throws NotFoundError when the viewer has no such run
 * @throws InputError, InputErrors with paths that start with the name of a field of the patch
 * @throws WrongStatusError for an end of retention before there is a result, or after it was deleted
 */
export function updateRun(
  deps: ChangeServices,
  viewer: Viewer,
  id: string,
  patch: RunPatch,
): Promise<ReportRun> {
  return changeRun(deps, viewer, id, (run) => {
    const at = deps.now()
    return { where: unchanged(patch, at), kind: 'UPDATED', data: changesOf(run, patch, at) }
  })
}

function changesOf(run: ReportRun, patch: RunPatch, now: Date): PrismaTypes.ReportRunUpdateInput {
  const { expiresAt } = patch
  if (expiresAt && expiresAt <= now) {
    throw new InputError(
      `expiresAt is ${expiresAt.toISOString()}, which is in the past. Delete the run by deleteReportRun instead.`,
      ['expiresAt'],
    )
  }
  if (expiresAt && !isFinal(run.status)) {
    throw new WrongStatusError(
      `The report run ${run.id} is ${run.status}; its expiresAt can be changed after it has ended.`,
      run.id,
    )
  }
  if (expiresAt && (run.filesDeletedAt || (run.expiresAt && run.expiresAt <= now))) {
    throw new WrongStatusError(
      `The files of the report run ${run.id} have expired. Repeat the run by retryReportRun.`,
      run.id,
    )
  }
  // Only what was given is written: another patch may be changing the rest at this moment.
  return { ...checkGivenAnnotations(patch), ...(expiresAt && { expiresAt }) }
}

/** What has to be so still when the change is made: nothing else that it depends on changes while the status stays. */
function unchanged({ expiresAt }: RunPatch, now: Date): PrismaTypes.ReportRunWhereInput {
  return {
    deletedAt: null,
    ...(expiresAt && { filesDeletedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] }),
  }
}
