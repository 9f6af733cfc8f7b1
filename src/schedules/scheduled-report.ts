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
 * The parameters of a scheduled report that is due at a time. A report without a timezone is in that of its schedule: its
 * relative interval is counted in it, and a type that takes a timezone prints times in it.
 *
 * @param timezone the timezone of the schedule; see `triggerOf`
 * @param previous the period that PREVIOUS_PERIOD refers to
 * @throws InputError when the interval is given twice
 */
export function scheduledParametersAt(
  catalog: Catalog,
  report: ScheduledReport,
  timezone: string,
  at: Date,
  previous: Period,
): Record<string, unknown> {
  const zone = timezoneOf(report, timezone)
  const takesTimezone = catalog.find(report.type)?.parameters.timezone !== undefined
  const isGiven = (report.parameters.timezone ?? null) !== null
  const parameters = takesTimezone && !isGiven ? { ...report.parameters, timezone: zone } : report.parameters
  return resolveInterval(catalog, { ...report, parameters }, (interval) =>
    interval === 'PREVIOUS_PERIOD' ? previous : resolveRelativeInterval(interval, zone, at),
  )
}
