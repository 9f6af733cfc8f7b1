import type { Viewer } from '../../auth/viewer.ts'
import { lastPosition } from '../follow/event-log.ts'
import type { Services } from '../services.ts'
import { checkKey, claimKey, findKeyedRun, type IdempotencyKey } from './idempotency.ts'
import { findIdenticalRun, holdRun } from './identical-run.ts'
import { type AcceptedRun, logSubmitted, makeRun, type RunCondition, type SubmittedRun } from './make-run.ts'

export type SubmitOptions = {
  /** Null when every request makes a new run. */
  idempotency: IdempotencyKey | null
  /** 32 hex digits of the caller's trace; null begins a new one. */
  traceId: string | null
}

/**
 * Makes a run and its key. Of any number of requests with one key, at once or later, one makes the run and all get it.
 *
 * @param accept checks the request; not called when the key has its run already
 * @throws InputError when the key cannot be used, IdempotencyError when it was used with another request
 * @throws LimitError when the account has had its runs of the day
 */
export async function submitRun(
  deps: Services,
  viewer: Viewer,
  accept: () => Promise<AcceptedRun>,
  options: SubmitOptions,
): Promise<SubmittedRun> {
  const { idempotency } = options
  if (idempotency) checkKey(idempotency.key)
  while (true) {
    const submitted = await submitOnce(deps, viewer, accept, options)
    if (!submitted) continue
    if (submitted.wasReused) logSubmitted(deps, submitted)
    return submitted
  }
}

async function earlierRun(
  { prisma }: Services,
  viewer: Viewer,
  idempotency: IdempotencyKey,
): Promise<SubmittedRun | null> {
  // The position comes first: what happens in between is then told again, and not lost.
  const position = await lastPosition(prisma, viewer)
  const run = await findKeyedRun(prisma, viewer, idempotency)
  return run && { run, wasReused: true, position }
}

/**
 * A finished run of an identical request.
 *
 * @returns null when there is none that will do; false when it was erased just now, or the condition was not met
 */
async function reuseRun(
  { prisma, now }: Services,
  viewer: Viewer,
  accepted: AcceptedRun,
  condition: RunCondition,
): Promise<SubmittedRun | false | null> {
  if (accepted.reuseWithin === null) return null
  const at = now()
  const times = { since: new Date(at.getTime() - accepted.reuseWithin), now: at }
  return prisma.$transaction(async (tx) => {
    const position = await lastPosition(tx, viewer)
    const run = await findIdenticalRun(tx, viewer, accepted, times)
    if (!run) return null
    if (!(await holdRun(tx, run))) return false
    if (!(await condition(tx, run.id, at))) return false
    return { run, wasReused: true, position }
  })
}

/** False when it has to be looked again, because a twin was faster or a run was erased just now. */
async function submitOnce(
  deps: Services,
  viewer: Viewer,
  accept: () => Promise<AcceptedRun>,
  { idempotency, traceId }: SubmitOptions,
): Promise<SubmittedRun | false> {
  const earlier = idempotency && (await earlierRun(deps, viewer, idempotency))
  if (earlier) return earlier
  const accepted = await accept()
  const condition: RunCondition = async (tx, runId, at) =>
    idempotency === null || claimKey(tx, viewer, idempotency, runId, at)
  return (
    (await reuseRun(deps, viewer, accepted, condition)) ?? makeRun(deps, viewer, accepted, condition, traceId)
  )
}
