import { InputError } from '../../errors.ts'
import { firstIdAt, idPrefixes, isId } from '../../ids.ts'
import {
  Prisma,
  type ReportRun,
  type ReportRunOrigin,
  type ReportRunStatus,
} from '../../postgres/generated/prisma/client.ts'
import type { Viewer } from '../../tenant.ts'

/** Inclusive start, exclusive end; an absent one is no bound. */
type DateTimeRange = { start?: Date | null | undefined; end?: Date | null | undefined }

export type RunFilter = {
  statuses?: readonly ReportRunStatus[] | null | undefined
  /** Names of report types. */
  reportTypes?: readonly string[] | null | undefined
  /** Keeps runs that have every one of these tags. */
  allTags?: readonly string[] | null | undefined
  /** Keeps runs that have at least one of these tags. */
  anyTags?: readonly string[] | null | undefined
  /** Ids of API keys. */
  requestedByIds?: readonly string[] | null | undefined
  origins?: readonly ReportRunOrigin[] | null | undefined
  /** Keeps the retries of this run. */
  retryOfId?: string | undefined
  scheduleId?: string | undefined
  createdAt?: DateTimeRange | null | undefined
  finishedAt?: DateTimeRange | null | undefined
  /** Keeps runs that succeeded without rows, or with rows. */
  isEmpty?: boolean | null | undefined
}

const maxValues = 100

/** The runs whose events a reader of the event log receives. */
export type RunScope = { kind: 'run'; id: string } | { kind: 'filter'; filter: RunFilter } | { kind: 'all' }

/**
 * @param path the path of the filter in the arguments
 * @throws InputError for a field with too many values, for text that Postgres cannot store, and for a reversed range
 */
export function checkFilter(filter: RunFilter, path: readonly string[]): void {
  const { statuses, reportTypes, allTags, anyTags, requestedByIds, origins, createdAt, finishedAt } = filter
  for (const [field, range] of Object.entries({ createdAt, finishedAt })) {
    if (range?.start && range.end && range.end < range.start) {
      const fullPath = [...path, field]
      throw new InputError(
        `${fullPath.join('.')} is reversed: it starts at ${range.start.toISOString()} and ends at ${range.end.toISOString()}. Use an end that is later than the start.`,
        fullPath,
      )
    }
  }
  const texts = { reportTypes, allTags, anyTags, requestedByIds }
  for (const [field, values] of Object.entries({ statuses, origins, ...texts })) {
    if (values && values.length > maxValues) {
      const fullPath = [...path, field]
      throw new InputError(
        `${fullPath.join('.')} has ${values.length} values; at most ${maxValues} are allowed.`,
        fullPath,
      )
    }
  }
  for (const [field, values] of Object.entries(texts)) {
    const text = values?.find((value) => value.includes('\0') || !value.isWellFormed())
    if (text !== undefined) {
      const fullPath = [...path, field]
      throw new InputError(
        `${fullPath.join('.')} has the value ${JSON.stringify(text)}, which contains NUL or an unpaired surrogate. No run has such a value; leave it out.`,
        fullPath,
      )
    }
  }
}

/** The condition for runs that are visible to the viewer and match the filter; `matchesFilter` is the same test in memory. */
export function matching({ accountId, livemode }: Viewer, filter: RunFilter): Prisma.Sql {
  const visible = Prisma.sql`account_id = ${accountId} and livemode = ${livemode} and erased_at is null`
  return Prisma.join([visible, ...conditionsOf(filter)], ' and ')
}

function conditionsOf(filter: RunFilter): Prisma.Sql[] {
  const { statuses, reportTypes, allTags, anyTags, requestedByIds, origins } = filter
  const { retryOfId, scheduleId, createdAt, finishedAt, isEmpty } = filter
  return [
    ...(statuses ? [Prisma.sql`status = any(${statuses})`] : []),
    ...(reportTypes ? [Prisma.sql`report_type = any(${reportTypes})`] : []),
    ...(allTags && allTags.length > 0 ? [Prisma.sql`tags @> ${allTags}`] : []),
    ...(anyTags ? [Prisma.sql`tags && ${anyTags}`] : []),
    ...(requestedByIds ? [Prisma.sql`requested_by_id = any(${requestedByIds})`] : []),
    ...(origins ? [Prisma.sql`origin = any(${origins})`] : []),
    ...(retryOfId === undefined ? [] : [Prisma.sql`retry_of_id = ${retryOfId}`]),
    ...(scheduleId === undefined ? [] : [Prisma.sql`schedule_id = ${scheduleId}`]),
    // An id begins with its creation time, so this is a range of the index that also provides the order.
    ...within('id', createdAt, (at) => firstIdAt(idPrefixes.reportRun, at)),
    ...within('finished_at', finishedAt, (at) => at.toISOString()),
    ...(typeof isEmpty === 'boolean'
      ? [Prisma.sql`status = 'SUCCEEDED' and row_count ${Prisma.raw(isEmpty ? '= 0' : '> 0')}`]
      : []),
  ]
}

/** True when an index finds the runs that match the filter, so that a page costs the same however many runs there are. */
export function isIndexed({ createdAt, retryOfId, scheduleId, ...others }: RunFilter): boolean {
  return Object.values(others).every((value) => value === null || value === undefined)
}

/** True when the run matches the filter: the same test as in `matching`. */
export function matchesFilter(run: ReportRun, filter: RunFilter): boolean {
  const { statuses, reportTypes, allTags, anyTags, requestedByIds, origins } = filter
  const { createdAt, finishedAt, isEmpty } = filter
  return (
    (!statuses || statuses.includes(run.status)) &&
    (!reportTypes || reportTypes.includes(run.reportType)) &&
    (!allTags || allTags.every((tag) => run.tags.includes(tag))) &&
    (!anyTags || anyTags.some((tag) => run.tags.includes(tag))) &&
    (!requestedByIds || requestedByIds.includes(run.requestedById)) &&
    (!origins || origins.includes(run.origin)) &&
    (filter.retryOfId === undefined || filter.retryOfId === run.retryOfId) &&
    (filter.scheduleId === undefined || filter.scheduleId === run.scheduleId) &&
    (!createdAt || isWithin(run.createdAt, createdAt)) &&
    (!finishedAt || isWithin(run.finishedAt, finishedAt)) &&
    (typeof isEmpty !== 'boolean' ||
      (run.status === 'SUCCEEDED' && run.rowCount !== null && (run.rowCount === 0n) === isEmpty))
  )
}

/** @throws InputError when the filter or the id of the scope is not valid */
export function checkScope(scope: RunScope): void {
  if (scope.kind === 'filter') checkFilter(scope.filter, ['scope', 'filter'])
  if (scope.kind === 'run' && !isId(scope.id, idPrefixes.reportRun)) {
    throw new InputError(
      `${JSON.stringify(scope.id)} is not a valid id of a report run. Pass the id of a ReportRun.`,
      ['scope', 'id'],
    )
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

/** The runs of the scope whose snapshots precede the events: those that have not ended, or the one run of the scope. */
export function opening(viewer: Viewer, scope: RunScope): Prisma.Sql {
  if (scope.kind === 'run') return Prisma.sql`${matching(viewer, {})} and id = ${scope.id}`
  const filter = scope.kind === 'filter' ? scope.filter : {}
  return Prisma.sql`${matching(viewer, filter)} and status in ('PENDING', 'RUNNING', 'CANCELING')`
}

function within(
  column: 'id' | 'finished_at',
  range: DateTimeRange | null | undefined,
  valueAt: (at: Date) => string,
): Prisma.Sql[] {
  const { start, end } = range ?? {}
  return [
    ...(start ? [Prisma.sql`${Prisma.raw(column)} >= ${valueAt(storable(start))}`] : []),
    ...(end ? [Prisma.sql`${Prisma.raw(column)} < ${valueAt(storable(end))}`] : []),
  ]
}

function isWithin(at: Date | null, { start, end }: DateTimeRange): boolean {
  // As in SQL, a null time is in no range that has a bound.
  return (!start || (at !== null && at >= start)) && (!end || (at !== null && at < end))
}

// Clamps a time to the range that run ids and Postgres support: 1970 to 9999.
function storable(at: Date): Date {
  return new Date(Math.min(Math.max(at.getTime(), 0), 253_402_300_799_999))
}
