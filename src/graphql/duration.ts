import { Temporal } from 'temporal-polyfill'

/** From one instant to another; never negative, as clocks of two machines may differ. */
export const millisecondsBetween = (from: Date, to: Date): number =>
  Math.max(0, to.getTime() - from.getTime())

export const toDuration = (milliseconds: number): Temporal.Duration =>
  Temporal.Duration.from({ milliseconds }).round({ largestUnit: 'hours' })
