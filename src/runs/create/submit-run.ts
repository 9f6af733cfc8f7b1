import { idPrefixes, newId } from '../../ids.ts'
import type { Transaction } from '../../postgres/client.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import { currentRequest, newTraceId } from '../../request-context.ts'
import { tenantOf, type Viewer } from '../../tenant.ts'
import { lastPosition } from '../follow/event-log.ts'
import { recordChange } from '../lifecycle/transition.ts'
import type { Services } from '../services.ts'
import { checkKey, claimKey, findKeyedRun, type IdempotencyKey } from './idempotency.ts'
import { countRun } from './quota.ts'
import type { RunRequest } from './request.ts'
import { findReusableRun, requestHash } from './reuse.ts'
import { type RunSpec, validateRun } from './validate.ts'

export type SubmitOptions = {
  /** Null when every request makes a new run. */
  idempotency: IdempotencyKey | null
  /** 32 hex digits of the caller's trace; null begins a new one. */
  traceId: string | null
}

export type SubmittedRun = {
  run: ReportRun
  /** True when it is the run of an earlier request: one with the same key, or an identical one. */
  wasReused: boolean
  /** Position in the log up to which `run` holds everything. */
  position: bigint
}

/**
 * Claims, in the transaction that submits a run, what may have one run only. False when it has one already; while another
 * transaction claims the same, this waits for its end.
 */
export type ClaimOnce = (tx: Transaction, runId: string, at: Date) => Promise<boolean>

/**
 * Creates a run and its job, which comes later when it has to wait for data. With an idempotency key that was used before,
 * it gives the run of that time, and an identical run where the request allows to reuse it.
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
 * Submits a run under a key. Of any number of requests with one key, at once or later, one makes the run and all get it.
 *
 * @param validate checks the request; not called when the key has its run already
 * @throws InputError when the key cannot be used, IdempotencyError, LimitError
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
    // Null means that a twin was faster: look again.
    if (submitted) return submitted
  }
}

/**
 * Submits a run in one transaction. It is an identical run that is reused, or a new one, whose row, job and first event are
 * all there when this returns, or none is; the claim is on either.
 *
 * @returns null when the claim failed, and nothing was made
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
  const id = newId(idPrefixes.reportRun, at)
  const submitted = await prisma.$transaction(async (tx) => {
    const reusable = reuseWithin === null ? null : await findReusableRun(tx, viewer, spec, reuseWithin, at)
    if (!(await claim(tx, reusable?.run.id ?? id, at))) return null
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
        createdAt: at,
        deadlineAt: startWithin === null ? null : new Date(at.getTime() + startWithin),
        timeoutMilliseconds: timeout,
        retentionMilliseconds: retention,
        traceId: traceId ?? newTraceId(),
      },
    })
    // A run that waits for data has no job until the data has come.
    if (!run.dataNeededUntil) await queue.enqueue(tx, run)
    const position = await recordChange(tx, run, { from: null, actorId: viewer.apiKeyId, at })
    return { run, wasReused: false, position }
  })
  if (!submitted) return null
  if (!submitted.wasReused) wakeUp.notify(viewer)
  return logSubmitted(deps, submitted)
}

async function findEarlier(
  deps: Services,
  viewer: Viewer,
  idempotency: IdempotencyKey,
): Promise<SubmittedRun | null> {
  // The position comes first: what happens in between is then delivered again, and not lost.
  const position = await lastPosition(deps.prisma, viewer)
  const run = await findKeyedRun(deps.prisma, viewer, idempotency)
  return run && logSubmitted(deps, { run, wasReused: true, position })
}

/** Logs the line that joins a request to its run: whatever comes later in the log names the run alone. */
function logSubmitted({ logger }: Services, submitted: SubmittedRun): SubmittedRun {
  const { run, wasReused } = submitted
  const { id: runId, accountId, livemode, reportType, traceId } = run
  const line = { ...currentRequest(), runId, accountId, livemode, reportType, traceId, wasReused }
  logger.info(line, wasReused ? 'A run was asked for again.' : 'A run was asked for.')
  return submitted
}
