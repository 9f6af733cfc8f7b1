import { Temporal } from 'temporal-polyfill'

/** From one instant to another; never negative, as clocks of two machines may differ. */
export function millisecondsBetween(from: Date, to: Date): number {
  return Math.max(0, to.getTime() - from.getTime())
}

export function toDuration(milliseconds: number): Temporal.Duration {
  return Temporal.Duration.from({ milliseconds }).round({ largestUnit: 'hours' })
}

/** The length of a duration, days being of 24 hours. Months and years have none: they count as infinite. */
export function toMilliseconds(duration: Temporal.Duration): number {
  return duration.years === 0 && duration.months === 0 && duration.weeks === 0
    ? duration.total('milliseconds')
    : Number.POSITIVE_INFINITY
}
