import { CronExpressionParser } from 'cron-parser'
import { Temporal } from 'temporal-polyfill'
import { InputError } from '../errors.ts'
import { preview } from '../reports/parameters.ts'

/** A cron expression with five fields, and the IANA name of its timezone. */
export type Cron = { expression: string; timezone: string }

const maxExpression = 100
const fiveFields = /^\s*\S+(\s+\S+){4}\s*$/
// The parser replaces H by a random value each time.
const randomField = /(^|[\s,])H/i

const utc = 'UTC'

/**
 * Clocks are set forward by at most two hours, and an occurrence in the skipped time is delayed by as much: so it is no longer
 * pending after this time.
 */
const maxSkipEffect = { hours: 4 }

/**
 * The first occurrence after a time. An occurrence in time that the clocks skip is delayed by the length of the skip; one in
 * time that they repeat occurs once, at the first.
 */
export function nextOccurrence(cron: Cron, after: Date): Date {
  return occurrencesOf(cron)(after)
}

/** @throws InputError when the expression is not valid, or never occurs */
export function checkCron(cron: Cron, now: Date): void {
  const { expression } = cron
  const refuse = (why: string): never => {
    throw new InputError(
      `${preview(expression)} is not a valid cron expression: ${why}. Use minute, hour, day of month, month and day of week, such as "0 6 * * MON-FRI".`,
      ['trigger', 'cron', 'expression'],
    )
  }
  if (expression.length > maxExpression) refuse(`it is longer than ${maxExpression} characters`)
  if (!fiveFields.test(expression)) refuse('it does not have five fields')
  if (randomField.test(expression)) refuse('H is not supported')
  try {
    nextOccurrence(cron, now)
  } catch {
    refuse(faultOf(expression))
  }
}

const fields = [
  'minute (0 to 59)',
  'hour (0 to 23)',
  'day of month (1 to 31)',
  'month (1 to 12, or JAN to DEC)',
  'day of week (0 to 7, or SUN to SAT)',
]

/** Why the parser rejects an expression with five fields: one of them is not valid, or they match no date. */
function faultOf(expression: string): string {
  const parts = expression.trim().split(/\s+/)
  const invalid = parts.findIndex((part, field) => {
    try {
      CronExpressionParser.parse(fields.map((_, i) => (i === field ? part : '*')).join(' '), { tz: utc })
      return false
    } catch {
      return true
    }
  })
  return invalid < 0
    ? 'no date matches its day of month and month'
    : `${preview(parts[invalid])} is not a valid ${fields[invalid]}`
}

const hour = 60 * 60 * 1000
const day = 24 * hour
const lookbacks = [hour, day, 31 * day, 366 * day, 9 * 366 * day]

// In milliseconds. Occurrences are at whole minutes, so at most one lies in such a span.
const resolution = 1_000

/** The last occurrence at or before a time; null when there was none within nine years. */
export function lastOccurrence(cron: Cron, now: Date): Date | null {
  const next = occurrencesOf(cron)
  const isPast = (after: number): boolean => next(new Date(after)) <= now
  const lookback = lookbacks.find((span) => isPast(now.getTime() - span))
  if (lookback === undefined) return null
  // Binary search: from any time before the last occurrence, the next occurrence is past; from any later time, it is not.
  // Stepping through all occurrences would take minutes for frequent ones.
  let [before, after] = [now.getTime() - lookback, now.getTime()]
  while (after - before > resolution) {
    const middle = Math.floor((before + after) / 2)
    if (isPast(middle)) before = middle
    else after = middle
  }
  return next(new Date(before))
}

/** The local time of a timezone, as the UTC time that reads the same. In milliseconds since the epoch. */
function shownBy(at: Temporal.ZonedDateTime): number {
  return at.toPlainDateTime().toZonedDateTime(utc).epochMilliseconds
}

/** The first time at which the clocks of a timezone show a local time. A skipped one is delayed by the length of the skip. */
function whenShown(shownAt: number, timezone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(shownAt)
    .toZonedDateTimeISO(utc)
    .toPlainDateTime()
    .toZonedDateTime(timezone, { disambiguation: 'compatible' })
}

/** The local time to search from. It is moved back over recently skipped time, whose occurrences can still be pending. */
function searchStart(after: Temporal.ZonedDateTime): number {
  const setForward = after.offsetNanoseconds - after.subtract(maxSkipEffect).offsetNanoseconds
  return shownBy(after) - Math.max(0, setForward) / 1e6
}

/** Parses the expression once, and returns a function that finds the first occurrence after a time. */
// The parser works in UTC, which has no clock changes: in other timezones it goes back in time, skips days and fails.
function occurrencesOf({ expression, timezone }: Cron): (after: Date) => Date {
  const parsed = CronExpressionParser.parse(expression, { tz: utc })
  return (after) => {
    const from = Temporal.Instant.fromEpochMilliseconds(after.getTime()).toZonedDateTimeISO(timezone)
    parsed.reset(new Date(searchStart(from)))
    let first = Number.POSITIVE_INFINITY
    while (true) {
      const shownAt = parsed.next().getTime()
      const at = whenShown(shownAt, timezone)
      if (at.epochMilliseconds <= after.getTime()) continue
      first = Math.min(first, at.epochMilliseconds)
      // A skipped occurrence is delayed, perhaps until after later ones: return the earliest.
      if (shownBy(at) === shownAt) return new Date(first)
    }
  }
}
