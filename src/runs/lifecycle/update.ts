import { isDeepStrictEqual } from 'node:util'
import { InputError, WrongStatusError } from '../../errors.ts'
import type { Prisma as PrismaTypes, ReportRun } from '../../postgres/generated/prisma/client.ts'
import type { Viewer } from '../../tenant.ts'
import { checkGivenAnnotations, type GivenAnnotations } from '../create/request.ts'
import { type ChangeServices, changeRun, isFinal } from './transition.ts'

/** Absent fields do not change. A null label removes the label; tags and metadata replace the previous ones. */
export type RunPatch = GivenAnnotations & {
  /** New end of retention. */
  expiresAt?: Date | undefined
}

/**
 * Changes the annotations of a run and how long its result is kept. Followers are notified, unless nothing changes.
 *
 * @throws NotFoundError when the viewer has no such run
 * @throws InputError, InputErrors with paths that start with the name of a field of the patch
 * @throws WrongStatusError for an `expiresAt` when the run has not ended, or its files have expired
 */
export function updateRun(
  deps: ChangeServices,
  viewer: Viewer,
  id: string,
  patch: RunPatch,
): Promise<ReportRun> {
  return changeRun(deps, viewer, id, (run) => {
    const at = deps.now()
    const data = changesOf(run, patch, at)
    const isNew = Object.entries(data).some(
      // A cast, because Object.entries loses the keys; those of an update are columns of a run.
      ([name, value]) => !isDeepStrictEqual(value, run[name as keyof ReportRun]),
    )
    return isNew ? { where: unchanged(patch, at), kind: 'UPDATED', data } : null
  })
}

function changesOf(run: ReportRun, patch: RunPatch, now: Date): PrismaTypes.ReportRunUpdateInput {
  const { expiresAt } = patch
  if (expiresAt && expiresAt <= now) {
    throw new InputError(
      `expiresAt is ${expiresAt.toISOString()}, which is in the past. Use a later time, or delete the run with deleteReportRun.`,
      ['expiresAt'],
    )
  }
  if (expiresAt && !isFinal(run.status)) {
    throw new WrongStatusError(
      `The report run ${run.id} is ${run.status}; expiresAt can be changed only after the run has ended.`,
      run.id,
    )
  }
  if (expiresAt && (run.filesDeletedAt || (run.expiresAt && run.expiresAt <= now))) {
    throw new WrongStatusError(
      `The files of the report run ${run.id} have expired. Run the report again with retryReportRun.`,
      run.id,
    )
  }
  // Write only the given fields: a concurrent patch may be changing the others.
  return { ...checkGivenAnnotations(patch), ...(expiresAt && { expiresAt }) }
}

/** The conditions checked above that can change while the status stays the same. */
function unchanged({ expiresAt }: RunPatch, now: Date): PrismaTypes.ReportRunWhereInput {
  return {
    deletedAt: null,
    ...(expiresAt && { filesDeletedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] }),
  }
}
