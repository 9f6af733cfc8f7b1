import { Temporal } from 'temporal-polyfill'
import { InputError } from '../errors.ts'
import type { Catalog } from './catalog.ts'
import { readTimezone } from './timezone.ts'

export const relativeIntervals = ['YESTERDAY', 'LAST_7_DAYS', 'PREVIOUS_MONTH'] as const
export type RelativeInterval = (typeof relativeIntervals)[number]

/** The parameters for the ends of an interval. */
export const intervalEnds: readonly string[] = ['interval_start', 'interval_end']

/** A report as requested. */
export type ReportRequest<Interval extends string = RelativeInterval> = {
  /** Name of the report type. */
  type: string
  parameters: Readonly<Record<string, unknown>>
  /** Replaces the interval parameters; null when these are given, or the report has none. */
  relativeInterval: Interval | null
}

/** A span of time: inclusive start, exclusive end. */
export type Period = { start: Date; end: Date }

/**
 * The timezone of a report.
 *
 * @param otherwise the timezone when the report has none, or one that is not valid, which the parameter check rejects
 */
export function timezoneOf({ parameters }: Pick<ReportRequest, 'parameters'>, otherwise = 'Etc/UTC'): string {
  return readTimezone(String(parameters.timezone)) ?? otherwise
}

/**
 * The parameters of a report that is requested at a time. A relative interval becomes a fixed one.
 *
 * @throws InputError when the interval is given twice
 */
export function parametersAt(catalog: Catalog, request: ReportRequest, now: Date): Record<string, unknown> {
  return resolveInterval(catalog, request, (interval) =>
    resolveRelativeInterval(interval, timezoneOf(request), now),
  )
}

/**
 * The parameters of a report, with the period of its relative interval filled in.
 *
 * @throws InputError when the interval is given twice
 */
export function resolveInterval<Interval extends string>(
  catalog: Catalog,
  { type, parameters, relativeInterval }: ReportRequest<Interval>,
  resolve: (interval: Interval) => Period,
): Record<string, unknown> {
  if (relativeInterval === null) return { ...parameters }
  const given = intervalEnds.find((name) => name in parameters)
  if (given !== undefined) {
    throw new InputError(
      `The interval is ${relativeInterval}, so ${given} cannot be given as well. Remove one of them.`,
      ['parameters', given],
    )
  }
  const { start, end } = resolve(relativeInterval)
  const takes = catalog.find(type)?.parameters ?? {}
  // Some reports cover one instant: the end of the interval.
  const isOfMoment = 'interval_end' in takes && !('interval_start' in takes)
  return {
    ...parameters,
    ...(!isOfMoment && { interval_start: start.toISOString() }),
    interval_end: end.toISOString(),
  }
}

/**
 * The last period that ended by `now`, from midnight to midnight in the timezone.
 *
 * @throws RangeError when the timezone is unknown
 */
export function resolveRelativeInterval(interval: RelativeInterval, timezone: string, now: Date): Period {
  const today = Temporal.Instant.fromEpochMilliseconds(now.getTime())
    .toZonedDateTimeISO(timezone)
    .startOfDay()
  const thisMonth = today.with({ day: 1 }).startOfDay()
  const [start, end] = {
    YESTERDAY: [today.subtract({ days: 1 }), today] as const,
    LAST_7_DAYS: [today.subtract({ days: 7 }), today] as const,
    PREVIOUS_MONTH: [thisMonth.subtract({ months: 1 }), thisMonth] as const,
  }[interval]
  return { start: new Date(start.startOfDay().epochMilliseconds), end: new Date(end.epochMilliseconds) }
}
