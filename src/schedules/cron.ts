import { CronExpressionParser } from 'cron-parser'
import { InputError } from '../errors.ts'
import { shown } from '../reports/parameters.ts'

/** Five fields and the IANA name of the timezone whose clocks they are about. */
export type Cron = { expression: string; timezone: string }

const longestExpression = 100
const fiveFields = /^\s*\S+(\s+\S+){4}\s*$/
// The parser takes H for a minute that is another one each time.
const anyTime = /(^|[\s,])H/i

/** Gives the first occurrence after a time, as often as it is asked; the expression is read once. */
// Only forwards: backwards the parser leaves out days on which the clocks are set forward.
const occurrencesOf = ({ expression, timezone }: Cron): ((after: Date) => Date) => {
  const parsed = CronExpressionParser.parse(expression, { tz: timezone })
  return (after) => {
    parsed.reset(after)
    return parsed.next().toDate()
  }
}

/**
 * The first occurrence after a time. A time of day that the clocks skip comes when they have been set forward, and one that
 * they show twice comes once, at the first.
 */
export const nextOccurrence = (cron: Cron, after: Date): Date => occurrencesOf(cron)(after)

/** @throws InputError when the expression has no five fields, or never comes due */
export const checkCron = (cron: Cron, now: Date): void => {
  const { expression } = cron
  const refuse = (why: string): never => {
    throw new InputError(
      `${shown(expression)} is no cron expression: ${why}. Give minute, hour, day of month, month and day of week, such as "0 6 * * MON-FRI".`,
      ['trigger', 'cron', 'expression'],
    )
  }
  if (expression.length > longestExpression) refuse(`it is longer than ${longestExpression} characters`)
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
export const lastOccurrence = (cron: Cron, now: Date): Date | null => {
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
