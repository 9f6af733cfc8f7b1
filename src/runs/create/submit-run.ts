import { idPrefixes, newId } from '../../ids.ts'
import type { Transaction } from '../../postgres/client.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import { currentRequest, newTraceId } from '../../request-context.ts'
import { tenantOf, type Viewer } from '../../tenant.ts'
import { type EventCursor, readLogEnd } from '../follow/event-log.ts'
import { recordChange } from '../lifecycle/transition.ts'
import type { Services } from '../services.ts'
import { checkKey, claimKey, findKeyedRun, type IdempotencyKey } from './idempotency.ts'
import { countRun } from './quota.ts'
import type { RunRequest } from './request.ts'
import { findReusableRun, requestHash } from './reuse.ts'
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
 * Claims, in the transaction that submits a run, something that can have only one run, such as a key. Returns false when it
 * has a run already. While another transaction holds the same claim, the call waits for the end of that transaction.
 */
export type ClaimOnce = (tx: Transaction, runId: string, at: Date) => Promise<boolean>

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
 * @param validate checks the request; not called when the key has a run already
 * @throws InputError when the key is not valid, IdempotencyError, LimitError
 */
export async function submitRun(
  deps: Services,
  viewer: Viewer,
  validate: () => Promise<RunSpec>,
  { idempotency, traceId }: SubmitOptions,
): Promise<SubmittedRun> {
  if (idempotency) checkKey(idempotency.key)
  const claim: ClaimOnce = async (tx, runId, at) =>
    idempotency === null || claimKey(tx, viewer, idempotency, runId, at)
  while (true) {
    const earlier = idempotency && (await findEarlier(deps, viewer, idempotency))
    const submitted = earlier ?? (await submitSpec(deps, viewer, await validate(), claim, traceId))
    // Null means that a concurrent request with the same key was faster: try again.
    if (submitted) return submitted
  }
}

/**
 * Submits a run in one transaction: reuses an identical run, or creates a new one with its row, job and first event. Either
 * way, the claim is for that run.
 *
 * @returns null when the claim failed; nothing was created
 * @throws LimitError
 */
export async function submitSpec(
  deps: Services,
  viewer: Viewer,
  spec: RunSpec,
  claim: ClaimOnce,
  traceId: string | null,
): Promise<SubmittedRun | null> {
  const { prisma, queue, wakeUp, limits, now } = deps
  const { startWithin, timeout, retention, reuseWithin, ...columns } = spec
  const at = now()
  const submitted = await prisma.$transaction(async (tx) => {
    const reusable = reuseWithin === null ? null : await findReusableRun(tx, viewer, spec, reuseWithin, at)
    const createdAt = reusable ? at : await takeTime(tx, viewer, at)
    const id = reusable?.run.id ?? newId(idPrefixes.reportRun, createdAt)
    if (!(await claim(tx, id, at))) return null
    if (reusable) return { ...reusable, wasReused: true }
    await countRun(tx, viewer, limits, at)
    const run = await tx.reportRun.create({
      data: {
        ...columns,
        ...tenantOf(viewer),
        requestHash: requestHash(spec),
        id,
        status: 'PENDING',
        requestedById: viewer.apiKeyId,
        createdAt,
        deadlineAt: startWithin === null ? null : new Date(at.getTime() + startWithin),
        timeoutMilliseconds: timeout,
        retentionMilliseconds: retention,
        traceId: traceId ?? newTraceId(),
      },
    })
    // A run that waits for data has no job until the data is available.
    if (!run.dataNeededUntil) await queue.enqueue(tx, run, at)
    const eventCursor = await recordChange(tx, run, { from: null, actorId: viewer.apiKeyId, at })
    return { run, wasReused: false, eventCursor }
  })
  if (!submitted) return null
  if (!submitted.wasReused) wakeUp.notify(viewer)
  return logSubmitted(deps, submitted)
}

/**
 * Returns the time of creation of a new run: now, or just after the last run of the account and mode. Until the transaction
 * ends, no other run of theirs is created. So ids are in commit order, and a client that reads the list from the last id that
 * it has seen misses no run.
 */
async function takeTime(tx: Transaction, { accountId, livemode }: Viewer, at: Date): Promise<Date> {
  const [taken] = await tx.$queryRaw<{ at: Date }[]>`
    insert into run_clocks as clock (account_id, livemode, last_created_at)
    values (${accountId}, ${livemode}, ${at}::timestamptz)
    on conflict (account_id, livemode) do update
      set last_created_at = greatest(excluded.last_created_at, clock.last_created_at + interval '1 millisecond')
    returning last_created_at as at`
  if (!taken) throw new Error(`The clock of account ${accountId} returned no time.`)
  return taken.at
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
