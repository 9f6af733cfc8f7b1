import { Temporal } from 'temporal-polyfill'
import type { Span } from '../coverage.ts'

/** A span of which one end, or both, may be unknown. */
export type PartialSpan = { from: Date | null; until: Date | null }

/**
 * The span that an export tells completely: as it was declared, otherwise whole days of its timezone, from that of its first
 * row to that of its last. The day on which the file was written is not over in it, so it does not count.
 *
 * @param rows times of the first and the last row
 * @returns null when no day is complete
 */
export function coveredSpan(
  rows: PartialSpan,
  declared: PartialSpan,
  { timezone, writtenAt }: { timezone: string; writtenAt: Date },
): Span | null {
  const from = declared.from ?? (rows.from && startOfDay(rows.from, timezone))
  const until =
    declared.until ??
    (rows.until && earliest(startOfDay(rows.until, timezone, 1), startOfDay(writtenAt, timezone)))
  return from && until && from < until ? { from, until } : null
}

function startOfDay(at: Date, timezone: string, daysLater = 0): Date {
  return new Date(
    Temporal.Instant.fromEpochMilliseconds(at.getTime())
      .toZonedDateTimeISO(timezone)
      .startOfDay()
      .add({ days: daysLater })
      .startOfDay().epochMilliseconds,
  )
}

function earliest(...dates: readonly Date[]): Date {
  return new Date(Math.min(...dates.map(Number)))
}
