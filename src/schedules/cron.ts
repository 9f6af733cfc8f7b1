import { CronExpressionParser } from 'cron-parser'
import { Temporal } from 'temporal-polyfill'
import { InputError } from '../errors.ts'
import { preview } from '../reports/parameters.ts'

/** Five fields and the IANA name of the timezone whose clocks they are about. */
export type Cron = { expression: string; timezone: string }

const maxExpression = 100
const fiveFields = /^\s*\S+(\s+\S+){4}\s*$/
// The parser takes H for a minute that is another one each time.
const anyTime = /(^|[\s,])H/i

const utc = 'UTC'

/** Clocks are set forward by two hours at most, and what they skip comes as much later. */
const skipsLast = { hours: 4 }

/**
 * The first occurrence after a time. A time of day that the clocks skip comes as much later as they are set forward, and one
 * that they show twice comes once, at the first.
 */
export function nextOccurrence(cron: Cron, after: Date): Date {
  return occurrencesOf(cron)(after)
}

/** @throws InputError when the expression has no five fields, or never comes due */
export function checkCron(cron: Cron, now: Date): void {
  const { expression } = cron
  const refuse = (why: string): never => {
    throw new InputError(
      `${preview(expression)} is no cron expression: ${why}. Give minute, hour, day of month, month and day of week, such as "0 6 * * MON-FRI".`,
      ['trigger', 'cron', 'expression'],
    )
  }
  if (expression.length > maxExpression) refuse(`it is longer than ${maxExpression} characters`)
  if (!fiveFields.test(expression)) refuse('it does not have five fields')
  if (anyTime.test(expression)) refuse('H stands for no time')
  try {
    nextOccurrence(cron, now)
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error))
  }
}

const hour = 60 * 60 * 1000
const day = 24 * hour
const lookbacks = [hour, day, 31 * day, 366 * day, 9 * 366 * day]

// Nothing comes twice in it: an occurrence is at a whole minute.
const resolution = 1_000

/** The last occurrence up to a time, that time included; null when there was none for nine years. */
export function lastOccurrence(cron: Cron, now: Date): Date | null {
  const next = occurrencesOf(cron)
  const isPast = (after: number): boolean => next(new Date(after)) <= now
  const lookback = lookbacks.find((span) => isPast(now.getTime() - span))
  if (lookback === undefined) return null
  // An occurrence follows, up to now, on each time before the last one and on none after: halve what is between. To walk
  // from one to the next would take minutes where they are many.
  let [before, after] = [now.getTime() - lookback, now.getTime()]
  while (after - before > resolution) {
    const middle = Math.floor((before + after) / 2)
    if (isPast(middle)) before = middle
    else after = middle
  }
  return next(new Date(before))
}

/** What the clocks of a timezone show, as the time at which those of UTC show it. */
function shownBy(at: Temporal.ZonedDateTime): number {
  return at.toPlainDateTime().toZonedDateTime(utc).epochMilliseconds
}

/** When the clocks of a timezone show that for the first time, or would, were they not set forward over it. */
function whenShown(shownAt: number, timezone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(shownAt)
    .toZonedDateTimeISO(utc)
    .toPlainDateTime()
    .toZonedDateTime(timezone, { disambiguation: 'compatible' })
}

/** What the clocks show, less what they have skipped of late: that may be still to come. */
function lookFrom(after: Temporal.ZonedDateTime): number {
  const setForward = after.offsetNanoseconds - after.subtract(skipsLast).offsetNanoseconds
  return shownBy(after) - Math.max(0, setForward) / 1e6
}

/** Gives the first occurrence after a time, as often as it is asked; the expression is read once. */
// The parser reads the clocks of UTC, which are never set: with others it goes back in time, leaves days out and gives up.
function occurrencesOf({ expression, timezone }: Cron): (after: Date) => Date {
  const parsed = CronExpressionParser.parse(expression, { tz: utc })
  return (after) => {
    const from = Temporal.Instant.fromEpochMilliseconds(after.getTime()).toZonedDateTimeISO(timezone)
    parsed.reset(new Date(lookFrom(from)))
    let first = Number.POSITIVE_INFINITY
    while (true) {
      const shownAt = parsed.next().getTime()
      const at = whenShown(shownAt, timezone)
      if (at.epochMilliseconds <= after.getTime()) continue
      first = Math.min(first, at.epochMilliseconds)
      // What the clocks skip comes late, and so perhaps after what they do show.
      if (shownBy(at) === shownAt) return new Date(first)
    }
  }
}
