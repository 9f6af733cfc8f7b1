import { InputError } from '../../errors.ts'
import { firstIdAt, idPrefixes, isId } from '../../ids.ts'
import type {
  Prisma as PrismaTypes,
  ReportRun,
  ReportRunOrigin,
  ReportRunStatus,
} from '../../postgres/generated/prisma/client.ts'
import type { Viewer } from '../../tenant.ts'
import { visibleRun } from './find-run.ts'

/** An inclusive start and an exclusive end, either of them open. */
type TimeRange = { since?: Date | null | undefined; until?: Date | null | undefined }

export type RunFilter = {
  status?: readonly ReportRunStatus[] | null | undefined
  reportType?: readonly string[] | null | undefined
  /** All of these. */
  tags?: readonly string[] | null | undefined
  /** Ids of API keys. */
  requestedBy?: readonly string[] | null | undefined
  origin?: readonly ReportRunOrigin[] | null | undefined
  /** Repeats of this run. */
  retryOfId?: string | undefined
  scheduleId?: string | undefined
  createdAt?: TimeRange | null | undefined
  finishedAt?: TimeRange | null | undefined
  isEmpty?: boolean | null | undefined
}

const maxValues = 100

/** The runs whose events a reader of the log receives. */
export type RunScope = { kind: 'run'; id: string } | { kind: 'filter'; filter: RunFilter } | { kind: 'all' }

/**
 * @param argument what the filter is given as, for the message
 * @throws InputError for more values than anyone needs, and for text that Postgres cannot read
 */
export function checkFilter(
  { status, reportType, tags, requestedBy, origin }: RunFilter,
  argument: string,
): void {
  for (const [field, values] of Object.entries({ status, reportType, tags, requestedBy, origin })) {
    if (values && values.length > maxValues) {
      throw new InputError(`${argument}.${field} has ${values.length} values; ${maxValues} are allowed.`, [
        argument,
      ])
    }
  }
  const text = [...(reportType ?? []), ...(tags ?? []), ...(requestedBy ?? [])].find(
    (value) => value.includes('\0') || !value.isWellFormed(),
  )
  if (text !== undefined) {
    throw new InputError(
      `${JSON.stringify(text)} holds NUL, or half of a surrogate pair, which nothing here does.`,
      [argument],
    )
  }
}

/** The runs that the viewer may see and the filter keeps, for Postgres; `matchesFilter` decides the same in memory. */
export function matching(viewer: Viewer, filter: RunFilter): PrismaTypes.ReportRunWhereInput {
  const { status, reportType, tags, requestedBy, origin, createdAt, finishedAt, isEmpty } = filter
  return {
    ...visibleRun(viewer),
    ...(status && { status: { in: [...status] } }),
    ...(reportType && { reportType: { in: [...reportType] } }),
    ...(tags && { tags: { hasEvery: [...tags] } }),
    ...(requestedBy && { requestedById: { in: [...requestedBy] } }),
    ...(origin && { origin: { in: [...origin] } }),
    ...(filter.retryOfId !== undefined && { retryOfId: filter.retryOfId }),
    ...(filter.scheduleId !== undefined && { scheduleId: filter.scheduleId }),
    // An id begins with its time of creation, so this is a range of the index that also gives the order.
    ...(createdAt && { id: within(createdAt, (at) => firstIdAt(idPrefixes.reportRun, at)) }),
    ...(finishedAt && { finishedAt: within(finishedAt, (at) => at) }),
    ...(typeof isEmpty === 'boolean' && { rowCount: isEmpty ? 0 : { gt: 0 } }),
  }
}

/** True when the filter keeps the run: the same decision as that of `matching`. */
export function matchesFilter(run: ReportRun, filter: RunFilter): boolean {
  const { status, reportType, tags, requestedBy, origin, createdAt, finishedAt, isEmpty } = filter
  return (
    (!status || status.includes(run.status)) &&
    (!reportType || reportType.includes(run.reportType)) &&
    (!tags || tags.every((tag) => run.tags.includes(tag))) &&
    (!requestedBy || requestedBy.includes(run.requestedById)) &&
    (!origin || origin.includes(run.origin)) &&
    (filter.retryOfId === undefined || filter.retryOfId === run.retryOfId) &&
    (filter.scheduleId === undefined || filter.scheduleId === run.scheduleId) &&
    (!createdAt || isWithin(run.createdAt, createdAt)) &&
    (!finishedAt || isWithin(run.finishedAt, finishedAt)) &&
    (typeof isEmpty !== 'boolean' || (run.rowCount !== null && (run.rowCount === 0n) === isEmpty))
  )
}

/** @throws InputError for a scope that no run can be in */
export function checkScope(scope: RunScope): void {
  if (scope.kind === 'filter') checkFilter(scope.filter, 'scope')
  if (scope.kind === 'run' && !isId(scope.id, idPrefixes.reportRun)) {
    throw new InputError(`${JSON.stringify(scope.id)} is no id of a report run.`, ['scope', 'id'])
  }
}

export function inScope(scope: RunScope, run: ReportRun): boolean {
  switch (scope.kind) {
    case 'run':
      return run.id === scope.id
    case 'filter':
      return matchesFilter(run, scope.filter)
    case 'all':
      return true
  }
}

/** The runs of the scope of which snapshots come before events: those that are live, or the one that was named. */
export function opening(viewer: Viewer, scope: RunScope): PrismaTypes.ReportRunWhereInput {
  if (scope.kind === 'run') return { AND: [matching(viewer, {}), { id: scope.id }] }
  const filter = scope.kind === 'filter' ? scope.filter : {}
  return { AND: [matching(viewer, filter), { status: { in: ['PENDING', 'RUNNING', 'CANCELING'] } }] }
}

function within<Value>({ since, until }: TimeRange, valueAt: (at: Date) => Value) {
  return { ...(since && { gte: valueAt(storable(since)) }), ...(until && { lt: valueAt(storable(until)) }) }
}

function isWithin(at: Date | null, { since, until }: TimeRange): boolean {
  // As in SQL, a time that is not there lies in no span that has an end.
  return (!since || (at !== null && at >= since)) && (!until || (at !== null && at < until))
}

// The times that both a run and Postgres can have: from 1970 to the year 9999.
function storable(at: Date): Date {
  return new Date(Math.min(Math.max(at.getTime(), 0), 253_402_300_799_999))
}
