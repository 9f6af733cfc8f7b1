import type { Metrics } from '../../metrics.ts'
import type { Prisma, Transaction } from '../../postgres/client.ts'
import type {
  Prisma as PrismaTypes,
  ReportRun,
  ReportRunEventKind,
  ReportRunStatus,
} from '../../postgres/generated/prisma/client.ts'
import type { WakeUp } from '../../postgres/notify.ts'
import { appendEvent } from '../follow/event-log.ts'
import { isFinal } from './status.ts'

export type TransitionDependencies = {
  prisma: Prisma
  wakeUp: WakeUp
  now: () => Date
  metrics: Pick<Metrics, 'runEnded'>
}

export type Transition = {
  runId: string
  /** The change is made only if the run is in this status. */
  from: ReportRunStatus
  to: ReportRunStatus
  /** What else has to be so for the change to be made. */
  where?: PrismaTypes.ReportRunWhereInput
  /** Given by a worker: the change is made only if no other worker has taken the run up since. */
  execution?: number
  data?: PrismaTypes.ReportRunUncheckedUpdateManyInput
  /** Who caused it; null when nobody asked for it. */
  actorId?: string | null
  /** As in RunChange. */
  kind?: ReportRunEventKind
  /** What else belongs to the change; it happens in the same transaction. */
  also?: (tx: Transaction) => Promise<unknown>
  /**
   * Asked at the end of the transaction, when nothing else can change any run of the account and mode until it is over.
   * Answering false takes the change back.
   */
  allows?: (tx: Transaction, run: ReportRun) => Promise<boolean>
}

/** A run that has ended is not to be met any more by those who look for runs that are late, or whose data has come. */
const nothingToWaitFor = { deadlineAt: null, dataNeededUntil: null } as const

const refused = new Error('The change of the run was not allowed, and is taken back.')

export type RunChange = {
  /** Status before; null for a new run. */
  from: ReportRunStatus | null
  actorId: string | null
  at: Date
  /** What kind of event it is; a change of status, or progress when the status stays, unless given. */
  kind?: ReportRunEventKind | undefined
}

/** Appends what happened to a run, in the transaction that made it happen. */
export function recordChange(
  tx: Transaction,
  run: ReportRun,
  { from, actorId, at, kind }: RunChange,
): Promise<bigint> {
  return appendEvent(tx, {
    accountId: run.accountId,
    livemode: run.livemode,
    runId: run.id,
    runVersion: run.version,
    kind: kind ?? (from === run.status ? 'PROGRESSED' : 'STATUS_CHANGED'),
    fromStatus: from,
    toStatus: run.status,
    actorId,
    occurredAt: at,
  })
}

/**
 * Changes a run, its version and its event log in one transaction, then wakes whoever follows it. The same status in
 * `from` and `to` is progress.
 *
 * @returns the run after the change; null when it was not as `from` and `execution` say, or `allows` said no, and nothing
 *   was changed
 */
export async function transition(
  { prisma, wakeUp, now, metrics }: TransitionDependencies,
  { runId, from, to, where = {}, execution, data = {}, actorId = null, kind, also, allows }: Transition,
): Promise<ReportRun | null> {
  const change = async (tx: Transaction): Promise<ReportRun | null> => {
    const [run] = await tx.reportRun.updateManyAndReturn({
      where: { ...where, id: runId, status: from, ...(execution === undefined ? {} : { execution }) },
      data: { ...data, ...(isFinal(to) && nothingToWaitFor), status: to, version: { increment: 1 } },
    })
    if (!run) return null
    await also?.(tx)
    await recordChange(tx, run, { from, actorId, kind, at: now() })
    if (allows && !(await allows(tx, run))) throw refused
    return run
  }
  const changed = await prisma.$transaction(change).catch((error: unknown) => {
    if (error === refused) return null
    throw error
  })
  if (changed) wakeUp.notify(changed)
  if (changed && isFinal(to)) metrics.runEnded(changed)
  return changed
}
