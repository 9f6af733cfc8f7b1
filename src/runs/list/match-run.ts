import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import type { RunFilter, TimeRange } from './list-runs.ts'

/** True when the filter keeps the run: the same as `matching` of list-runs.ts, which says it for Postgres. */
export function matchesFilter(run: ReportRun, filter: RunFilter): boolean {
  return (
    (!filter.status || filter.status.includes(run.status)) &&
    (!filter.reportType || filter.reportType.includes(run.reportType)) &&
    (!filter.tags || filter.tags.every((tag) => run.tags.includes(tag))) &&
    (!filter.requestedBy || filter.requestedBy.includes(run.requestedById)) &&
    (!filter.origin || filter.origin.includes(run.origin)) &&
    (filter.retryOfId === undefined || filter.retryOfId === run.retryOfId) &&
    (filter.scheduleId === undefined || filter.scheduleId === run.scheduleId) &&
    (!filter.createdAt || isWithin(run.createdAt, filter.createdAt)) &&
    (!filter.finishedAt || isWithin(run.finishedAt, filter.finishedAt)) &&
    (typeof filter.isEmpty !== 'boolean' ||
      (run.rowCount !== null && (run.rowCount === 0n) === filter.isEmpty))
  )
}

function isWithin(at: Date | null, { since, until }: TimeRange): boolean {
  // As in SQL, a time that is not there lies in no span that has an end.
  return (!since || (at !== null && at >= since)) && (!until || (at !== null && at < until))
}
