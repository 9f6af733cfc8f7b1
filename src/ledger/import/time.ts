import { Temporal } from 'temporal-polyfill'
import { BadCell } from './bad-cell.ts'

const timePattern =
  /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?(?: ?(Z|UTC|[+-]\d\d:\d\d))?$/

const minute = 60_000

/** Reads a time; a cell that is none throws BadCell. */
type TimeReader = (text: string) => Date

/**
 * Reads `2026-09-01`, `2026-09-01 14:30`, `2026-09-01 14:30:00`, and RFC 3339. What says no zone itself is of the one
 * given; an hour that comes twice when clocks are put back is the first one. Parts of a second are dropped.
 *
 * @param timezone IANA name
 */
export function createTimeReader(timezone: string): TimeReader {
  const zone = timezone === 'UTC' || timezone === 'Etc/UTC' ? () => 0 : createZone(timezone)
  // Lines that follow one another often have the same time.
  let last: { text: string; at: Date } | null = null
  return (text) => {
    if (last?.text === text) return last.at
    const parts = timePattern.exec(text)
    const wall = parts && wallClock(parts)
    if (wall === null) throw new BadCell('is no time, such as 2026-09-01 14:30:00')
    const offset = parts?.[7]
    const at = new Date(wall - (offset === undefined ? zone(wall) : offsetOf(offset)))
    last = { text, at }
    return at
  }
}

/** Milliseconds by which a clock at this offset from UTC is early. */
function offsetOf(text: string): number {
  if (text === 'Z' || text === 'UTC') return 0
  const [hours = 0, minutes = 0] = text.slice(1).split(':').map(Number)
  return (text.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * minute
}

/** The wall clock's milliseconds as if it were in UTC; null when there is no such day or hour. */
function wallClock(parts: readonly (string | undefined)[]): number | null {
  const [, year, month, day, hours = '0', minutes = '0', seconds = '0'] = parts
  const at = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hours),
    Number(minutes),
    Number(seconds),
  )
  // Date.UTC takes the 31st of February for one of March, and the year 26 for 1926.
  const date = new Date(at)
  const isYear = date.getUTCFullYear() === Number(year)
  const isDay = isYear && Number(month) <= 12 && date.getUTCDate() === Number(day)
  return isDay && hours < '24' && minutes < '60' && seconds < '60' ? at : null
}

/** Offsets of a zone, each kept for the quarter of an hour that it was asked for: no zone changes its clocks within one. */
function createZone(timezone: string): (wall: number) => number {
  const quarter = 15 * minute
  const offsets = new Map<number, number>()
  return (wall) => {
    const key = Math.floor(wall / quarter)
    const known = offsets.get(key)
    if (known !== undefined) return known
    const clock = Temporal.Instant.fromEpochMilliseconds(key * quarter)
      .toZonedDateTimeISO('UTC')
      .toPlainDateTime()
    const offset = key * quarter - clock.toZonedDateTime(timezone).epochMilliseconds
    offsets.set(key, offset)
    return offset
  }
}
