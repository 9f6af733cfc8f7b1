import type { Viewer } from '../../auth/viewer.ts'
import { InputError, NotFoundError, WrongStatusError } from '../../errors.ts'
import type { Prisma as PrismaTypes, ReportRun } from '../../postgres/generated/prisma/client.ts'
import { checkGivenNotes, type GivenNotes } from '../create/run-request.ts'
import { findRun } from '../list/find-run.ts'
import type { Services } from '../services.ts'
import { isFinal } from './status.ts'
import { transition } from './transition.ts'

/** What may be changed; what is absent stays as it is. Null takes the label away; tags and metadata replace all of them. */
export type RunPatch = GivenNotes & {
  /** New end of retention. */
  expiresAt?: Date | undefined
}

/**
 * Changes what a run is called and how long its result is kept; what it is and gives stays. Followers are told.
 *
 * @throws NotFoundError when the viewer has no such run
 * @throws InputError, InputErrors with paths that start with the name of a field of the patch
 * @throws WrongStatusError for an end of retention before there is a result, or after it was erased
 */
export async function updateRun(
  deps: Pick<Services, 'prisma' | 'wakeUp' | 'now' | 'metrics'>,
  viewer: Viewer,
  id: string,
  patch: RunPatch,
): Promise<ReportRun> {
  while (true) {
    const run = await findRun(deps.prisma, viewer, id)
    if (!run) throw new NotFoundError(`There is no report run ${JSON.stringify(id)}.`, ['id'])
    const at = deps.now()
    const changed = await transition(deps, {
      runId: id,
      from: run.status,
      to: run.status,
      where: unchanged(patch, at),
      kind: 'UPDATED',
      actorId: viewer.apiKeyId,
      data: changesOf(run, patch, at),
    })
    // Null means that the run moved on in between: look again. Every round leaves one status behind, so it ends.
    if (changed) return changed
  }
}

function changesOf(run: ReportRun, patch: RunPatch, now: Date): PrismaTypes.ReportRunUpdateInput {
  const { expiresAt } = patch
  if (expiresAt && expiresAt <= now) {
    throw new InputError(
      `expiresAt is ${expiresAt.toISOString()}, which is over. Erase the run by deleteReportRun instead.`,
      ['expiresAt'],
    )
  }
  if (expiresAt && !isFinal(run.status)) {
    throw new WrongStatusError(
      `The report run ${run.id} is ${run.status}; when its files are erased can be changed when it has ended.`,
      run.id,
    )
  }
  if (expiresAt && (run.filesErasedAt || (run.expiresAt && run.expiresAt <= now))) {
    throw new WrongStatusError(
      `The time of the files of the report run ${run.id} is over: they are erased. Repeat the run by retryReportRun.`,
      run.id,
    )
  }
  // Only what was given is written: another patch may be changing the rest at this moment.
  return { ...checkGivenNotes(patch), ...(expiresAt && { expiresAt }) }
}

/** What has to be so still when the change is made: nothing else that it depends on changes while the status stays. */
function unchanged({ expiresAt }: RunPatch, now: Date): PrismaTypes.ReportRunWhereInput {
  return {
    erasedAt: null,
    ...(expiresAt && { filesErasedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] }),
  }
}
