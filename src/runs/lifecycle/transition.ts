import type { Transaction } from '../../postgres/client.ts'
import type {
  Prisma as PrismaTypes,
  ReportRun,
  ReportRunEventKind,
  ReportRunStatus,
} from '../../postgres/generated/prisma/client.ts'
import { type Actor, tenantOf } from '../../tenant.ts'
import { appendEvent, type EventCursor, type NewEvent } from '../follow/event-log.ts'
import { requireRun } from '../list/find-run.ts'
import type { Services } from '../services.ts'

export type ChangeServices = Pick<Services, 'prisma' | 'wakeUp' | 'now' | 'metrics'>

export type Transition = {
  runId: string
  /** The change is applied only if the run has this status. */
  from: ReportRunStatus
  to: ReportRunStatus
  /** Further conditions for the change to be applied. */
  where?: PrismaTypes.ReportRunWhereInput
  /** Set by a worker: the change is applied only if no other worker has claimed the run since. */
  execution?: number
  data?: PrismaTypes.ReportRunUncheckedUpdateManyInput
  /** Id of the API key that caused the change; null when the system caused it. */
  actorId?: string | null
  /** As in RunChange. */
  kind?: ReportRunEventKind
  /** Further writes in the same transaction. */
  also?: (tx: Transaction) => Promise<unknown>
  /**
   * Called at the end of the transaction, while no other transaction can change a run of the account and mode. Return false to
   * roll the change back.
   */
  allows?: (tx: Transaction, run: ReportRun) => Promise<boolean>
}

/** The status stays the same unless `to` is given. */
type ViewerChange = Partial<Omit<Transition, 'runId' | 'from' | 'actorId'>>

/** Excludes a run that has ended from the queries for late runs and for runs that wait for data. */
const nothingToWaitFor = { deadlineAt: null, dataNeededUntil: null } as const

const refused = new Error('The change of the run was not allowed and is rolled back.')

type RunChange = {
  /** Previous status; null for a new run. */
  from: ReportRunStatus | null
  actorId: string | null
  at: Date
  /** Kind of the event. Default: PROGRESSED when the status stays the same, otherwise STATUS_CHANGED. */
  kind?: ReportRunEventKind | undefined
}

const finalStatuses: ReadonlySet<ReportRunStatus> = new Set(['SUCCEEDED', 'FAILED', 'CANCELED'])

/** Failure codes that a run can end with; clients branch on them. */
export const failureCodes = [
  'INVALID_PARAMETERS',
  'UPSTREAM_ERROR',
  'STORAGE_ERROR',
  'INTERNAL_ERROR',
  'NOT_STARTED_IN_TIME',
  'TIMED_OUT',
] as const
export type FailureCode = (typeof failureCodes)[number]

/** The event of a change of a run. */
export function eventOf(run: ReportRun, { from, actorId, at, kind }: RunChange): NewEvent {
  return {
    ...tenantOf(run),
    runId: run.id,
    runVersion: run.version,
    kind: kind ?? (from === run.status ? 'PROGRESSED' : 'STATUS_CHANGED'),
    fromStatus: from,
    toStatus: run.status,
    actorId,
    occurredAt: at,
  }
}

/** Appends a change of a run to the event log, in the transaction of the change. Returns the cursor of the event. */
export function recordChange(tx: Transaction, run: ReportRun, change: RunChange): Promise<EventCursor> {
  return appendEvent(tx, eventOf(run, change))
}

/**
 * Changes a run, its version and its event log in one transaction, then wakes its followers. The same status in
 * `from` and `to` is progress.
 *
 * @returns the run after the change; null when nothing changed, because the run did not match `from`, `where` and
 *   `execution`, or `allows` returned false
 */
export async function transition(
  { prisma, wakeUp, now, metrics }: ChangeServices,
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

/**
 * Changes a run on behalf of a viewer or an operator.
 *
 * @param changeOf returns the change for the current run, or null for no change; throws to refuse. It is called again when the
 *   run changes in the meantime
 * @throws NotFoundError when the account and mode of the actor have no such run
 */
export async function changeRun(
  deps: ChangeServices,
  actor: Actor,
  id: string,
  changeOf: (run: ReportRun) => Promise<ViewerChange | null> | ViewerChange | null,
): Promise<ReportRun> {
  while (true) {
    const run = await requireRun(deps.prisma, actor, id)
    const change = await changeOf(run)
    if (!change) return run
    const by = { runId: id, from: run.status, actorId: actor.apiKeyId }
    // Null means that the run changed in the meantime: try again. The loop ends, because statuses never repeat.
    const changed = await transition(deps, { to: run.status, ...change, ...by })
    if (changed) return changed
  }
}

/** True when the status will never change again. */
export function isFinal(status: ReportRunStatus): boolean {
  return finalStatuses.has(status)
}

/** True when the run can be canceled: it has not ended and is not CANCELING yet. */
export function isCancelable(status: ReportRunStatus): boolean {
  return status === 'PENDING' || status === 'RUNNING'
}
