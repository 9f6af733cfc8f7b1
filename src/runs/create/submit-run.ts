import type { Transaction } from '../../postgres/client.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import { isOutage } from '../../postgres/outage.ts'
import { currentRequest, newTraceId } from '../../request-context.ts'
import type { Viewer } from '../../tenant.ts'
import { type EventCursor, readLogEnd } from '../follow/event-log.ts'
import type { Services } from '../services.ts'
import { checkKey, findKeyedRun, type IdempotencyKey } from './idempotency.ts'
import { insertRun, sendTo, sendWithin } from './insert-run.ts'
import { newRun } from './new-run.ts'
import type { RunRequest } from './request.ts'
import { reuseRun } from './reuse.ts'
import { type RunSpec, validateRun } from './validate.ts'

export type SubmitOptions = {
  /** Null when every request creates a new run. */
  idempotency: IdempotencyKey | null
  /** The caller's trace id, 32 hex digits; null to start a new trace. */
  traceId: string | null
}

export type SubmittedRun = {
  run: ReportRun
  /** True when an earlier request, with the same key or identical, created the run. */
  wasReused: boolean
  /** `run` includes every event up to this cursor. */
  eventCursor: EventCursor
}

/**
 * Creates a run and its job; a run that waits for data gets its job later. When the idempotency key was used before, returns
 * the run of that key. When the request allows reuse and an identical run exists, returns that run.
 *
 * @throws InputError, InputErrors with paths that start with the name of a field of the request
 * @throws LiveModeRequiredError, IdempotencyError, LimitError
 */
export function createRun(
  deps: Services,
  viewer: Viewer,
  request: RunRequest,
  options: SubmitOptions,
): Promise<SubmittedRun> {
  return submitRun(deps, viewer, () => validateRun(deps, viewer, request), options)
}

/**
 * Submits a run under a key. Of all requests with the same key, concurrent or later, one creates the run and all return it.
 *
 * @param validate checks the request. The run of a key is returned even when its request is no longer valid
 * @throws InputError when the key is not valid, IdempotencyError, LimitError
 */
export async function submitRun(
  deps: Services,
  viewer: Viewer,
  validate: () => Promise<RunSpec>,
  { idempotency, traceId }: SubmitOptions,
): Promise<SubmittedRun> {
  if (idempotency) checkKey(idempotency.key)
  while (true) {
    const { submitted, refusal } = await validate()
      .then((spec) => submitOnce(deps, viewer, spec, idempotency, traceId))
      .then(
        (done) => ({ submitted: done, refusal: null }),
        (error: unknown) => ({ submitted: null, refusal: { error } }),
      )
    if (submitted) return submitted
    if (refusal && isOutage(refusal.error)) throw refusal.error
    // The key is looked up only now, because almost every request creates a run.
    const earlier = idempotency && (await findEarlier(deps, viewer, idempotency))
    if (earlier) return earlier
    if (refusal) throw refusal.error
    // The run and its key were deleted in the meantime: try again.
  }
}

/**
 * Creates a run, if a claim succeeds, in the same transaction. Use it for what can have only one run, such as an occurrence of
 * a schedule.
 *
 * @returns null when the claim returned false; nothing was created
 * @throws LimitError
 */
export async function submitClaimed(
  deps: Services,
  viewer: Viewer,
  spec: RunSpec,
  claim: (tx: Transaction) => Promise<boolean>,
): Promise<SubmittedRun | null> {
  const { prisma, limits, now } = deps
  const at = now()
  const creation = { idempotency: null, dailyRuns: limits.dailyRuns, at }
  const created = await prisma.$transaction(async (tx) =>
    (await claim(tx))
      ? insertRun(sendWithin(tx), newRun(viewer, spec, traceIdOf(deps, null), at), creation)
      : null,
  )
  return created && announce(deps, created)
}

/** Reuses an identical run, or creates a new one; null when the key has a run already. */
async function submitOnce(
  deps: Services,
  viewer: Viewer,
  spec: RunSpec,
  idempotency: IdempotencyKey | null,
  traceId: string | null,
): Promise<SubmittedRun | null> {
  const { pool, limits, now } = deps
  const at = now()
  const reused = await reuseRun(deps, viewer, spec, idempotency, at)
  if (reused !== 'NONE') return reused && logSubmitted(deps, { ...reused, wasReused: true })
  const creation = { idempotency, dailyRuns: limits.dailyRuns, at }
  const created = await insertRun(sendTo(pool), newRun(viewer, spec, traceIdOf(deps, traceId), at), creation)
  return created && announce(deps, created)
}

function traceIdOf({ tracing }: Services, given: string | null): string {
  return given ?? tracing.traceId() ?? newTraceId()
}

function announce(deps: Services, created: Omit<SubmittedRun, 'wasReused'>): SubmittedRun {
  const { run } = created
  deps.tracing.runCreated(run)
  deps.wakeUp.notify(run)
  if (!run.dataNeededUntil) deps.wakeUp.announceJob()
  return logSubmitted(deps, { ...created, wasReused: false })
}

async function findEarlier(
  deps: Services,
  viewer: Viewer,
  idempotency: IdempotencyKey,
): Promise<SubmittedRun | null> {
  // The end is read first: an event in between is then delivered twice instead of lost.
  const eventCursor = await readLogEnd(deps.prisma, viewer)
  const run = await findKeyedRun(deps.prisma, viewer, idempotency)
  return run && logSubmitted(deps, { run, wasReused: true, eventCursor })
}

/** Logs the line that links a request to its run: later lines name only the run. */
function logSubmitted({ logger }: Services, submitted: SubmittedRun): SubmittedRun {
  const { run, wasReused } = submitted
  const { id: runId, accountId, livemode, reportType, traceId } = run
  const line = { ...currentRequest(), runId, accountId, livemode, reportType, traceId, wasReused }
  logger.info(line, wasReused ? 'A request reused a run.' : 'A request created a run.')
  return submitted
}
