import type { Prisma, Transaction } from '../database/client.ts'
import type {
  Prisma as PrismaTypes,
  ReportRun,
  ReportRunStatus,
} from '../database/generated/prisma/client.ts'
import { appendEvent } from '../events/log.ts'
import type { WakeUp } from '../events/wake-up.ts'

export type TransitionDependencies = { prisma: Prisma; wakeUp: WakeUp; now: () => Date }

export type Transition = {
  runId: string
  /** The change is made only if the run is in this status. */
  from: ReportRunStatus
  to: ReportRunStatus
  /** Given by a worker: the change is made only if no other worker has taken the run up since. */
  execution?: number
  data?: PrismaTypes.ReportRunUncheckedUpdateManyInput
  /** Who caused it; null when nobody asked for it. */
  actorId?: string | null
  /** What else belongs to the change; it happens in the same transaction. */
  also?: (tx: Transaction) => Promise<unknown>
}

/** Appends what happened to a run, in the transaction that made it happen. */
export const recordChange = (
  tx: Transaction,
  run: ReportRun,
  change: { from: ReportRunStatus | null; actorId: string | null; at: Date },
): Promise<bigint> =>
  appendEvent(tx, {
    accountId: run.accountId,
    livemode: run.livemode,
    runId: run.id,
    runVersion: run.version,
    kind: change.from === run.status ? 'PROGRESSED' : 'STATUS_CHANGED',
    fromStatus: change.from,
    toStatus: run.status,
    actorId: change.actorId,
    occurredAt: change.at,
  })

/**
 * Changes a run, its version and its event log in one transaction, then wakes whoever follows it. The same status in
 * `from` and `to` is progress.
 *
 * @returns the run after the change; null when it was not as `from` and `execution` say, and nothing was changed
 */
export const transition = async (
  { prisma, wakeUp, now }: TransitionDependencies,
  { runId, from, to, execution, data = {}, actorId = null, also }: Transition,
): Promise<ReportRun | null> => {
  const changed = await prisma.$transaction(async (tx) => {
    const [run] = await tx.reportRun.updateManyAndReturn({
      where: { id: runId, status: from, ...(execution === undefined ? {} : { execution }) },
      data: { ...data, status: to, version: { increment: 1 } },
    })
    if (!run) return null
    await also?.(tx)
    await recordChange(tx, run, { from, actorId, at: now() })
    return run
  })
  if (changed) wakeUp.notify(changed)
  return changed
}
