import type { Transaction } from '../../postgres/client.ts'
import type {
  Prisma as PrismaTypes,
  ReportRun,
  ReportRunEventKind,
  ReportRunStatus,
} from '../../postgres/generated/prisma/client.ts'
import { tenantOf, type Viewer } from '../../tenant.ts'
import { appendEvent } from '../follow/event-log.ts'
import { requireRun } from '../list/find-run.ts'
import type { Services } from '../services.ts'

export type ChangeServices = Pick<Services, 'prisma' | 'wakeUp' | 'now' | 'metrics'>

export type Transition = {
  runId: string
  /** The change is made only if the run is in this status. */
  from: ReportRunStatus
  to: ReportRunStatus
  /** What else has to be so for the change to be made. */
  where?: PrismaTypes.ReportRunWhereInput
  /** Given by a worker: the change is made only if no other worker has claimed the run since. */
  execution?: number
  data?: PrismaTypes.ReportRunUncheckedUpdateManyInput
  /** Who caused it; null when it was not asked for. */
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

/** The status stays unless it is given. */
type ViewerChange = Partial<Omit<Transition, 'runId' | 'from' | 'actorId'>>

/** Keeps a run that has ended from the searches for runs that are late, or whose data has come. */
const nothingToWaitFor = { deadlineAt: null, dataNeededUntil: null } as const

const refused = new Error('The change of the run was not allowed, and is taken back.')

type RunChange = {
  /** Status before; null for a new run. */
  from: ReportRunStatus | null
  actorId: string | null
  at: Date
  /** What kind of event it is; a change of status, or progress when the status stays, unless given. */
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

/** Appends what happened to a run, in the transaction that made it happen. */
export function recordChange(
  tx: Transaction,
  run: ReportRun,
  { from, actorId, at, kind }: RunChange,
): Promise<bigint> {
  return appendEvent(tx, {
    ...tenantOf(run),
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
 * Changes a run, its version and its event log in one transaction, then wakes its followers. The same status in
 * `from` and `to` is progress.
 *
 * @returns the run after the change; null when it was not as `from` and `execution` say, or `allows` said no, and nothing
 *   was changed
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
 * Changes a run as its viewer asks.
 *
 * @param changeOf what to change of the run as it is, or why not, by throwing; null leaves the run as it is. It is called
 *   again when the run has moved on in between
 * @throws NotFoundError when the viewer has no such run
 */
export async function changeRun(
  deps: ChangeServices,
  viewer: Viewer,
  id: string,
  changeOf: (run: ReportRun) => Promise<ViewerChange | null> | ViewerChange | null,
): Promise<ReportRun> {
  while (true) {
    const run = await requireRun(deps.prisma, viewer, id)
    const change = await changeOf(run)
    if (!change) return run
    const by = { runId: id, from: run.status, actorId: viewer.apiKeyId }
    // Null means that the run moved on in between: look again. Every round leaves one status behind, so it ends.
    const changed = await transition(deps, { to: run.status, ...change, ...by })
    if (changed) return changed
  }
}

/** True when the status will never change again. */
export function isFinal(status: ReportRunStatus): boolean {
  return finalStatuses.has(status)
}

/** True when asking the run to stop makes sense: it is not final and has not been asked yet. */
export function isCancelable(status: ReportRunStatus): boolean {
  return status === 'PENDING' || status === 'RUNNING'
}
