import type { Temporal } from 'temporal-polyfill'
import { InputError } from '../../errors.ts'

/** The shortest and the longest duration, in ISO 8601. */
export type DurationBounds = { min: Temporal.Duration; max: Temporal.Duration }

/** Checks a duration. Returns an error that names the field and the bounds; null when the duration is within them. */
export function durationError(
  field: string,
  duration: Temporal.Duration,
  { min, max }: DurationBounds,
): InputError | null {
  const isFixed = hasFixedLength(duration)
  const milliseconds = isFixed ? toMilliseconds(duration) : Number.NaN
  if (milliseconds >= toMilliseconds(min) && milliseconds <= toMilliseconds(max)) return null
  const why = isFixed ? '' : ' Years and months are not allowed, because their length varies.'
  return new InputError(`${field} is ${write(duration)}.${why} Use a duration from ${min} to ${max}.`, [
    field,
  ])
}

/**
 * The length of a duration in whole milliseconds, as it is stored. A day has 24 hours and a week has 7 days.
 *
 * @throws RangeError for a duration with years or months, whose length varies
 */
export function toMilliseconds(duration: Temporal.Duration): number {
  if (!hasFixedLength(duration)) throw new RangeError(`The length of ${write(duration)} varies.`)
  const { weeks } = duration
  return Math.round(duration.with({ weeks: 0 }).total('milliseconds')) + weeks * 7 * 24 * 60 * 60 * 1000
}

/**
 * The ISO 8601 text of a duration, exactly as its `toString` returns it. The polyfill formats each number for a locale, which
 * takes 35 times as long: 25 microseconds for each duration of a list.
 */
export function durationText(duration: Temporal.Duration): string {
  const { sign, years, months, weeks, days, hours, minutes, seconds } = duration
  const milliseconds = Math.abs(duration.milliseconds)
  const values = [years, months, weeks, days, hours, minutes, seconds].map(Math.abs)
  const hasCarry = milliseconds >= 1_000 || duration.microseconds !== 0 || duration.nanoseconds !== 0
  if (hasCarry || !values.every(Number.isSafeInteger)) return duration.toString()
  const fraction = milliseconds === 0 ? '' : String(milliseconds / 1_000).slice(1)
  const parts = values.map((value, i) => (value === 0 ? '' : `${value}${designators[i]}`))
  if (fraction !== '' || sign === 0) parts[6] = `${Math.abs(seconds)}${fraction}S`
  const time = parts.slice(4).join('')
  return `${sign < 0 ? '-' : ''}P${parts.slice(0, 4).join('')}${time === '' ? '' : `T${time}`}`
}

const designators = ['Y', 'M', 'W', 'D', 'H', 'M', 'S']

function hasFixedLength({ years, months }: Temporal.Duration): boolean {
  return years === 0 && months === 0
}

// Temporal can hold extreme durations that it cannot write.
function write(duration: Temporal.Duration): string {
  try {
    return duration.toString()
  } catch {
    return 'not a usable duration'
  }
}
