import type { Catalog } from '../reports/catalog.ts'
import {
  type Period,
  type RelativeInterval,
  type ReportRequest,
  resolveInterval,
  resolveRelativeInterval,
  timezoneOf,
} from '../reports/interval.ts'

/** PREVIOUS_PERIOD is the time since the period of the schedule's last run. */
export type ScheduleInterval = RelativeInterval | 'PREVIOUS_PERIOD'

export type ScheduledReport = ReportRequest<ScheduleInterval>

/**
 * The parameters of a scheduled report that is due at a time.
 *
 * @param previous the period that PREVIOUS_PERIOD refers to
 * @throws InputError when the interval is given twice
 */
export function scheduledParametersAt(
  catalog: Catalog,
  report: ScheduledReport,
  at: Date,
  previous: Period,
): Record<string, unknown> {
  return resolveInterval(catalog, report, (interval) =>
    interval === 'PREVIOUS_PERIOD' ? previous : resolveRelativeInterval(interval, timezoneOf(report), at),
  )
}
