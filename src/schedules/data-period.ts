import { Temporal } from 'temporal-polyfill'
import { InputError } from '../errors.ts'
import type { Period } from '../reports/interval.ts'

const units = ['years', 'months', 'weeks', 'days', 'hours', 'minutes'] as const
type Unit = (typeof units)[number]

const maxOfUnit = 1_000

/** Checks a data period. @throws InputError unless it is a whole number of one unit, from minutes to years */
export function checkDataPeriod(period: Temporal.Duration): void {
  const unit = unitOf(period)
  const count = period[unit]
  const isOfOneUnit = period.toString() === Temporal.Duration.from({ [unit]: count }).toString()
  if (isOfOneUnit && count > 0 && count <= maxOfUnit) return
  throw new InputError(
    `${period} is not a valid data period. Use 1 to ${maxOfUnit} of one unit, from minutes to years, such as "P1D" or "PT6H".`,
    ['trigger', 'onDataAvailable'],
  )
}

/** The start of the period's unit (day, month, …) that contains a time. Growth of data is counted from there. */
export function startOfUnit(period: Temporal.Duration, at: Date, timezone: string): Date {
  return toDate(startOf(unitOf(period), zoned(at, timezone)))
}

/**
 * Combines the whole periods by which the data has grown into one.
 *
 * @param from end of the last covered period, or start of the data
 * @param until end of the data
 * @returns null when the data has grown by less than one period
 */
export function wholePeriods(
  period: Temporal.Duration,
  from: Date,
  until: Date,
  timezone: string,
): Period | null {
  if (until <= from) return null
  const start = startOf(unitOf(period), zoned(from, timezone))
  const end = toDate(lastEnd(period, start, zoned(until, timezone)))
  return end > from ? { start: from, end } : null
}

function unitOf(period: Temporal.Duration): Unit {
  return units.find((unit) => period[unit] !== 0) ?? 'minutes'
}

function zoned(at: Date, timezone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(at.getTime()).toZonedDateTimeISO(timezone)
}

function toDate(at: Temporal.ZonedDateTime): Date {
  return new Date(at.epochMilliseconds)
}

/** The start of the unit that contains a time, in its timezone: midnight, Monday, the first of the month, and so on. */
function startOf(unit: Unit, at: Temporal.ZonedDateTime): Temporal.ZonedDateTime {
  switch (unit) {
    case 'years':
      return at.with({ month: 1, day: 1 }).startOfDay()
    case 'months':
      return at.with({ day: 1 }).startOfDay()
    case 'weeks':
      return at.subtract({ days: at.dayOfWeek - 1 }).startOfDay()
    default:
      return at.round({ smallestUnit: unit, roundingMode: 'floor' })
  }
}

/** The end of the last whole period up to a time. All periods are counted from one start, so that months keep their day. */
function lastEnd(
  period: Temporal.Duration,
  start: Temporal.ZonedDateTime,
  until: Temporal.ZonedDateTime,
): Temporal.ZonedDateTime {
  const unit = unitOf(period)
  const count = period[unit]
  const whole = (units: number) => ({ [unit]: Math.floor(units / count) * count })
  if (unit === 'hours' || unit === 'minutes') {
    return start.add(whole(start.until(until, { largestUnit: unit })[unit]))
  }
  // Counted in calendar dates: where the clocks skip midnight, one day begins at 01:00 and the next one at midnight.
  const [first, last] = [start.toPlainDate(), until.toPlainDate()]
  return first.add(whole(first.until(last, { largestUnit: unit })[unit])).toZonedDateTime(start.timeZoneId)
}
