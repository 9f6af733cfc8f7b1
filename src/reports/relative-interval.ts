import { Temporal } from 'temporal-polyfill'

export const calendarIntervals = ['YESTERDAY', 'LAST_7_DAYS', 'PREVIOUS_MONTH'] as const
export type CalendarInterval = (typeof calendarIntervals)[number]

/** PREVIOUS_PERIOD is what has passed since the last run of a schedule, so only a schedule can say what it is. */
export const relativeIntervals = [...calendarIntervals, 'PREVIOUS_PERIOD'] as const
export type RelativeInterval = (typeof relativeIntervals)[number]

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
