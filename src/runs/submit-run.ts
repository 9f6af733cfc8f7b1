import type { Viewer } from '../auth/viewer.ts'
import type { Transaction } from '../database/client.ts'
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
import { countRun } from './quota.ts'
import type { RunNotes } from './request.ts'
import { newTraceId } from './trace-id.ts'
import { recordChange } from './transition.ts'

/** A request that was checked and can be run. */
export type AcceptedRun = RunNotes & {
  reportType: string
  parameters: PrismaTypes.InputJsonObject
  formats: ReportFormat[]
  compression: Compression
  origin: ReportRunOrigin
  attempt: number
  retryOfId: string | null
  scheduleId: string | null
  /** In milliseconds; null means as long as it takes. */
  startWithin: number | null
  timeout: number | null
  /** How long the result is kept, in milliseconds. */
  retention: number
}

export type SubmitOptions = {
  /** Null when every request makes a new run. */
  idempotency: IdempotencyKey | null
  /** 32 hex digits of the caller's trace; null begins a new one. */
  traceId: string | null
}

export type SubmittedRun = {
  run: ReportRun
  /** True when it is the run of an earlier request with the same key. */
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
 * Asked first in the transaction that makes a run, under the id that the run will have. Answering false means that it is
 * not to be made; while another one asks about the same, it waits for the end of that transaction.
 */
export type RunCondition = (tx: Transaction, runId: string, at: Date) => Promise<boolean>

const insertRun = (
  { prisma, queue, limits, now }: RunDependencies,
  viewer: Viewer,
  { startWithin, timeout, retention, ...accepted }: AcceptedRun,
  condition: RunCondition,
  traceId: string | null,
): Promise<SubmittedRun | null> => {
  const createdAt = now()
  const id = newId(idPrefixes.reportRun, createdAt)
  return prisma.$transaction(async (tx) => {
    if (!(await condition(tx, id, createdAt))) return null
    const waiting = await countRun(tx, viewer, limits, createdAt)
    const run = await tx.reportRun.create({
      data: {
        ...accepted,
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
    await queue.enqueue(tx, run, waiting)
    const position = await recordChange(tx, run, { from: null, actorId: viewer.apiKeyId, at: createdAt })
    return { run, wasReused: false, position }
  })
}

/** The line that joins a request to its run: whatever comes later in the log names the run alone. */
const logSubmitted = ({ log }: RunDependencies, { run, wasReused }: SubmittedRun): void => {
  const { id: runId, accountId, livemode, reportType, traceId } = run
  const line = { ...currentRequest(), runId, accountId, livemode, reportType, traceId, wasReused }
  log.info(line, wasReused ? 'A run was asked for again.' : 'A run was asked for.')
}

/**
 * Makes a run with its job, its first event and whatever the condition writes in one transaction: all are there when it
 * returns, or none is.
 *
 * @param traceId as in SubmitOptions
 * @returns null when the condition was not met, and nothing was made
 * @throws LimitError when the account has had its runs of the day
 */
export const makeRun = async (
  deps: RunDependencies,
  viewer: Viewer,
  accepted: AcceptedRun,
  condition: RunCondition,
  traceId: string | null,
): Promise<SubmittedRun | null> => {
  const made = await insertRun(deps, viewer, accepted, condition, traceId)
  if (!made) return null
  deps.wakeUp.notify(viewer)
  logSubmitted(deps, made)
  return made
}

/**
 * Makes a run and its key. Of any number of requests with one key, at once or later, one makes the run and all get it.
 *
 * @param accept checks the request; not called when the key has its run already
 * @throws InputError when the key cannot be used, IdempotencyError when it was used with another request
 * @throws LimitError when the account has had its runs of the day
 */
export const submitRun = async (
  deps: RunDependencies,
  viewer: Viewer,
  accept: () => Promise<AcceptedRun>,
  { idempotency, traceId }: SubmitOptions,
): Promise<SubmittedRun> => {
  if (idempotency) checkKey(idempotency.key)
  const condition: RunCondition = async (tx, runId, at) =>
    idempotency === null || claimKey(tx, viewer, idempotency, runId, at)
  while (true) {
    const earlier = idempotency && (await earlierRun(deps, viewer, idempotency))
    if (earlier) {
      logSubmitted(deps, earlier)
      return earlier
    }
    const made = await makeRun(deps, viewer, await accept(), condition, traceId)
    // Null means that a twin was faster: its run is there now, unless it was erased again at once.
    if (made) return made
  }
}
