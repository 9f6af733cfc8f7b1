import type { Viewer } from '../auth/viewer.ts'
import type {
  Compression,
  Prisma as PrismaTypes,
  ReportFormat,
  ReportRun,
  ReportRunOrigin,
} from '../database/generated/prisma/client.ts'
import { lastPosition } from '../events/log.ts'
import { idPrefixes, newId } from '../ids.ts'
import { currentRequest } from '../request-context.ts'
import type { RunDependencies } from './dependencies.ts'
import { checkKey, claimKey, findKeyedRun, type IdempotencyKey } from './idempotency.ts'
import { findIdenticalRun, holdRun, requestHash } from './identical-run.ts'
import { countRun } from './quota.ts'
import type { RunNotes, RunSpans } from './request.ts'
import { newTraceId } from './trace-id.ts'
import { recordChange } from './transition.ts'

/** A request that was checked and can be run. */
export type AcceptedRun = RunNotes &
  RunSpans & {
    reportType: string
    parameters: PrismaTypes.InputJsonObject
    formats: ReportFormat[]
    compression: Compression
    origin: ReportRunOrigin
    attempt: number
    retryOfId: string | null
    waitForData: boolean
    /** Until when there has to be data before the run gets into the queue; null when it is there. */
    dataNeededUntil: Date | null
  }

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

const earlierRun = async (
  { prisma }: RunDependencies,
  viewer: Viewer,
  idempotency: IdempotencyKey,
): Promise<SubmittedRun | null> => {
  // The position comes first: what happens in between is then told again, and not lost.
  const position = await lastPosition(prisma, viewer)
  const run = await findKeyedRun(prisma, viewer, idempotency)
  return run && { run, wasReused: true, position }
}

/**
 * A finished run of an identical request, to which the key is given.
 *
 * @returns null when there is none that will do; false when it was erased just now, or a twin has the key
 */
const reuseRun = async (
  { prisma, now }: RunDependencies,
  viewer: Viewer,
  accepted: AcceptedRun,
  { idempotency }: SubmitOptions,
): Promise<SubmittedRun | false | null> => {
  if (accepted.reuseWithin === null) return null
  const at = now()
  const times = { since: new Date(at.getTime() - accepted.reuseWithin), now: at }
  return prisma.$transaction(async (tx) => {
    const position = await lastPosition(tx, viewer)
    const run = await findIdenticalRun(tx, viewer, accepted, times)
    if (!run) return null
    if (!(await holdRun(tx, run))) return false
    if (idempotency && !(await claimKey(tx, viewer, idempotency, run.id, at))) return false
    return { run, wasReused: true, position }
  })
}

const insertRun = (
  { prisma, queue, limits, now }: RunDependencies,
  viewer: Viewer,
  { startWithin, timeout, retention, reuseWithin: _, ...accepted }: AcceptedRun,
  { idempotency, traceId }: SubmitOptions,
): Promise<SubmittedRun | false> => {
  const createdAt = now()
  const id = newId(idPrefixes.reportRun, createdAt)
  return prisma.$transaction(async (tx) => {
    if (idempotency && !(await claimKey(tx, viewer, idempotency, id, createdAt))) return false
    const waiting = await countRun(tx, viewer, limits, createdAt)
    const run = await tx.reportRun.create({
      data: {
        ...accepted,
        requestHash: requestHash(accepted),
        id,
        accountId: viewer.accountId,
        livemode: viewer.livemode,
        status: 'PENDING',
        requestedById: viewer.apiKeyId,
        createdAt,
        deadlineAt: startWithin === null ? null : new Date(createdAt.getTime() + startWithin),
        timeoutMilliseconds: timeout,
        retentionMilliseconds: retention,
        traceId: traceId ?? newTraceId(),
      },
    })
    if (!run.dataNeededUntil) await queue.enqueue(tx, run, waiting)
    const position = await recordChange(tx, run, { from: null, actorId: viewer.apiKeyId, at: createdAt })
    return { run, wasReused: false, position }
  })
}

/** False when it has to be looked again, because a twin was faster or a run was erased just now. */
const submitOnce = async (
  deps: RunDependencies,
  viewer: Viewer,
  accept: () => Promise<AcceptedRun>,
  options: SubmitOptions,
): Promise<SubmittedRun | false> => {
  const { idempotency } = options
  const earlier = idempotency && (await earlierRun(deps, viewer, idempotency))
  if (earlier) return earlier
  const accepted = await accept()
  return (await reuseRun(deps, viewer, accepted, options)) ?? insertRun(deps, viewer, accepted, options)
}

/** The line that joins a request to its run: whatever comes later in the log names the run alone. */
const logSubmitted = ({ log }: RunDependencies, { run, wasReused }: SubmittedRun): void => {
  const { id: runId, accountId, livemode, reportType, traceId } = run
  const line = { ...currentRequest(), runId, accountId, livemode, reportType, traceId, wasReused }
  log.info(line, wasReused ? 'A run was asked for again.' : 'A run was asked for.')
}

/**
 * Makes a run with its job, its first event and its key in one transaction: all are there when it returns, or none is.
 * Of any number of requests with one key, at once or later, one makes the run and all get it. A run that waits for data has
 * no job until that has come.
 *
 * @param accept checks the request; not called when the key has its run already
 * @throws InputError when the key cannot be used, IdempotencyError when it was used with another request
 * @throws LimitError when the account has had its runs of the day
 */
export const submitRun = async (
  deps: RunDependencies,
  viewer: Viewer,
  accept: () => Promise<AcceptedRun>,
  options: SubmitOptions,
): Promise<SubmittedRun> => {
  const { idempotency } = options
  if (idempotency) checkKey(idempotency.key)
  while (true) {
    const submitted = await submitOnce(deps, viewer, accept, options)
    if (!submitted) continue
    if (!submitted.wasReused) deps.wakeUp.notify(viewer)
    logSubmitted(deps, submitted)
    return submitted
  }
}
