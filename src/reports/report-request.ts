import { InputError } from '../errors.ts'
import type { Catalog } from './catalog.ts'
import { type RelativeInterval, resolveRelativeInterval } from './relative-interval.ts'
import { readTimezone } from './timezone.ts'

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
  const { start, end } = intervalAt({ ...request, relativeInterval }, now, previous)
  const takes = catalog.find(type)?.parameters ?? {}
  // Some reports tell of one moment: the end of the interval.
  const isOfMoment = 'interval_end' in takes && !('interval_start' in takes)
  return { ...parameters, ...(!isOfMoment && { interval_start: start }), interval_end: end }
}

function intervalAt(
  request: ReportRequest & { relativeInterval: RelativeInterval },
  now: Date,
  previous: Period | null,
): { start: string; end: string } {
  if (request.relativeInterval !== 'PREVIOUS_PERIOD') {
    return resolveRelativeInterval(request.relativeInterval, timezoneOf(request), now)
  }
  if (previous) return { start: previous.start.toISOString(), end: previous.end.toISOString() }
  throw new InputError(
    'PREVIOUS_PERIOD reaches back to the last run of a schedule, so only a schedule can have it. Take another interval, or make a schedule by createReportSchedule.',
    ['parameters', 'interval_start'],
  )
}
