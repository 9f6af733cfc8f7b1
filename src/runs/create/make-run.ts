import type { Viewer } from '../../auth/viewer.ts'
import { idPrefixes, newId } from '../../ids.ts'
import type { Transaction } from '../../postgres/client.ts'
import type {
  Compression,
  Prisma as PrismaTypes,
  ReportFormat,
  ReportRun,
  ReportRunOrigin,
} from '../../postgres/generated/prisma/client.ts'
import { currentRequest } from '../../request-context.ts'
import { recordChange } from '../lifecycle/transition.ts'
import type { Services } from '../services.ts'
import { newTraceId } from '../trace-id.ts'
import { requestHash } from './identical-run.ts'
import { countRun } from './quota.ts'
import type { RunNotes, RunSpans } from './run-request.ts'

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
    scheduleId: string | null
    waitForData: boolean
    /** Until when there has to be data before the run gets into the queue; null when it is there. */
    dataNeededUntil: Date | null
  }

export type SubmittedRun = {
  run: ReportRun
  /** True when it is the run of an earlier request: one with the same key, or an identical one. */
  wasReused: boolean
  /** Position in the log up to which `run` holds everything. */
  position: bigint
}

/**
 * Asked first in the transaction that gives somebody a run, with the run's id. Answering false means that nobody is to get
 * it. While another one asks about the same, it waits for the end of that transaction.
 */
export type RunCondition = (tx: Transaction, runId: string, at: Date) => Promise<boolean>

/** The line that joins a request to its run: whatever comes later in the log names the run alone. */
export function logSubmitted({ logger }: Services, { run, wasReused }: SubmittedRun): void {
  const { id: runId, accountId, livemode, reportType, traceId } = run
  const line = { ...currentRequest(), runId, accountId, livemode, reportType, traceId, wasReused }
  logger.info(line, wasReused ? 'A run was asked for again.' : 'A run was asked for.')
}

/**
 * Makes a run with its job, its first event and whatever the condition writes in one transaction: all are there when it
 * returns, or none is. A run that waits for data has no job until that has come.
 *
 * @param traceId 32 hex digits of the caller's trace; null begins a new one
 * @returns false when the condition was not met, and nothing was made
 * @throws LimitError when the account has had its runs of the day
 */
export async function makeRun(
  deps: Services,
  viewer: Viewer,
  accepted: AcceptedRun,
  condition: RunCondition,
  traceId: string | null,
): Promise<SubmittedRun | false> {
  const made = await insertRun(deps, viewer, accepted, condition, traceId)
  if (!made) return false
  deps.wakeUp.notify(viewer)
  logSubmitted(deps, made)
  return made
}

function insertRun(
  { prisma, queue, limits, now }: Services,
  viewer: Viewer,
  { startWithin, timeout, retention, reuseWithin: _, ...accepted }: AcceptedRun,
  condition: RunCondition,
  traceId: string | null,
): Promise<SubmittedRun | false> {
  const createdAt = now()
  const id = newId(idPrefixes.reportRun, createdAt)
  return prisma.$transaction(async (tx) => {
    if (!(await condition(tx, id, createdAt))) return false
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
