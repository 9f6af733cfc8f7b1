import { Temporal } from 'temporal-polyfill'

/** A UTC day, as the number of days since 1970-01-01. */
export type Day = number

const dayMilliseconds = 86_400_000

/** Returns the time `seconds` after the day's midnight. */
export function momentOf(day: Day, seconds = 0): Date {
  return new Date(day * dayMilliseconds + seconds * 1000)
}

export function dayOf(moment: Date): Day {
  return Math.floor(moment.getTime() / dayMilliseconds)
}

/** Returns 0 for Sunday. */
export function weekdayOf(day: Day): number {
  return (day + 4) % 7
}

export function isBusinessDay(day: Day): boolean {
  return weekdayOf(day) % 6 !== 0
}

/** Returns the day `count` business days later. Ignores bank holidays. */
export function businessDaysAfter(day: Day, count: number): Day {
  let result = day
  for (let left = count; left > 0; ) {
    result += 1
    if (isBusinessDay(result)) left -= 1
  }
  return result
}

export function dayOfMonth(day: Day): number {
  return momentOf(day).getUTCDate()
}

/** Returns 0 for January. */
export function monthOf(day: Day): number {
  return momentOf(day).getUTCMonth()
}

export function isLastOfMonth(day: Day): boolean {
  return dayOfMonth(day + 1) === 1
}

/**
 * Returns the first day of the 24 calendar months that end at `endsAt`. If that month has no such date (February 29),
 * returns its last day.
 */
export function firstDayBefore(endsAt: Date): Day {
  const date = Temporal.PlainDate.from(endsAt.toISOString().slice(0, 10)).subtract({ months: 24 })
  return dayOf(new Date(date.toString()))
}

const monthFactors = [0.86, 0.84, 0.93, 0.95, 1, 0.97, 0.9, 0.88, 1, 1.06, 1.26, 1.42]
const weekdayFactors = [0.82, 1.08, 1.06, 1.03, 1.02, 1.05, 0.94]

/** Returns the relative sales of a day. They double over the span, and vary with weekday, season and a sale in November. */
export function businessOn(day: Day, firstDay: Day, days: number): number {
  const month = monthOf(day)
  const isSale = month === 10 && dayOfMonth(day) >= 24
  // Both indexes are always in range.
  const season = (monthFactors[month] as number) * (weekdayFactors[weekdayOf(day)] as number)
  return (1 + (day - firstDay) / days) * season * (isSale ? 1.5 : 1)
}
