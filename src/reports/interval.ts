import { Temporal } from 'temporal-polyfill'
import { InputError } from '../errors.ts'
import type { Catalog } from './catalog.ts'
import { readTimezone } from './timezone.ts'

export const calendarIntervals = ['YESTERDAY', 'LAST_7_DAYS', 'PREVIOUS_MONTH'] as const
export type CalendarInterval = (typeof calendarIntervals)[number]

/** PREVIOUS_PERIOD is what has passed since the last run of a schedule, so only a schedule can say what it is. */
export type RelativeInterval = CalendarInterval | 'PREVIOUS_PERIOD'

/** A report as it was asked for. */
export type ReportRequest = {
  /** Name of the report type. */
  type: string
  parameters: Readonly<Record<string, unknown>>
  /** Takes the place of the parameters of the interval; null when there are none, or they were given. */
  relativeInterval: RelativeInterval | null
}

/** A half-open span of time. */
export type Period = { start: Date; end: Date }

/** The timezone that a report is in; UTC for one that is none, which the check of that parameter refuses. */
export function timezoneOf({ parameters }: Pick<ReportRequest, 'parameters'>): string {
  return readTimezone(String(parameters.timezone)) ?? 'Etc/UTC'
}

/**
 * The parameters of a report that is asked for at a time: a relative interval is a fixed one then.
 *
 * @param previous what PREVIOUS_PERIOD stands for; null when it stands for nothing
 * @throws InputError for PREVIOUS_PERIOD without one, and when the interval is given twice
 */
export function parametersAt(
  catalog: Catalog,
  request: ReportRequest,
  now: Date,
  previous: Period | null = null,
): Record<string, unknown> {
  const { type, parameters, relativeInterval } = request
  if (relativeInterval === null) return { ...parameters }
  const given = ['interval_start', 'interval_end'].find((name) => name in parameters)
  if (given !== undefined) {
    throw new InputError(`The interval is ${relativeInterval}, so ${given} cannot be given as well.`, [
      'parameters',
      given,
    ])
  }
  const { start, end } =
    relativeInterval === 'PREVIOUS_PERIOD'
      ? previousPeriod(previous)
      : resolveRelativeInterval(relativeInterval, timezoneOf(request), now)
  const takes = catalog.find(type)?.parameters ?? {}
  // Some reports cover one moment: the end of the interval.
  const isOfMoment = 'interval_end' in takes && !('interval_start' in takes)
  return { ...parameters, ...(!isOfMoment && { interval_start: start }), interval_end: end }
}

/**
 * The period that is over at `now`, from midnight to midnight in the timezone.
 *
 * @throws RangeError when the timezone is unknown
 */
export function resolveRelativeInterval(
  interval: CalendarInterval,
  timezone: string,
  now: Date,
): { start: string; end: string } {
  const today = Temporal.Instant.fromEpochMilliseconds(now.getTime())
    .toZonedDateTimeISO(timezone)
    .startOfDay()
  const thisMonth = today.with({ day: 1 }).startOfDay()
  const [start, end] = {
    YESTERDAY: [today.subtract({ days: 1 }), today] as const,
    LAST_7_DAYS: [today.subtract({ days: 7 }), today] as const,
    PREVIOUS_MONTH: [thisMonth.subtract({ months: 1 }), thisMonth] as const,
  }[interval]
  return { start: start.startOfDay().toInstant().toString(), end: end.toInstant().toString() }
}

function previousPeriod(previous: Period | null): { start: string; end: string } {
  if (previous) return { start: previous.start.toISOString(), end: previous.end.toISOString() }
  throw new InputError(
    'PREVIOUS_PERIOD reaches back to the last run of a schedule, so only a schedule can have it. Take another interval, or make a schedule by createReportSchedule.',
    ['parameters', 'interval_start'],
  )
}
