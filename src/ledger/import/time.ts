import { Temporal } from 'temporal-polyfill'
import { BadCell } from './import-errors.ts'

const timePattern =
  /^([1-9]\d{3}-\d\d-\d\d)(?:[ T](\d\d:\d\d)(?:(:\d\d)(?:\.\d+)?)?)?(?: ?(Z|UTC|[+-]\d\d:\d\d))?$/

const minute = 60_000

/** The milliseconds that clocks are ahead of UTC, and whether they skip this time. */
type Offset = { ahead: number; isSkipped: boolean }

const utc: Offset = { ahead: 0, isSkipped: false }

/**
 * Returns a reader of `2026-09-01`, `2026-09-01 14:30`, `2026-09-01 14:30:00`, and RFC 3339. It drops fractions of a
 * second, and uses the first of two equal hours at the end of daylight saving time. A day starts at its first time.
 *
 * @param timezone IANA name of the timezone of times without an offset. The reader throws BadCell for a time that is
 * not valid, or that the clocks of the timezone skip.
 */
export function createTimeReader(timezone: string): (text: string) => Date {
  const zone = timezone === 'UTC' || timezone === 'Etc/UTC' ? () => utc : createZone(timezone)
  // Consecutive lines often have the same time.
  let last: { text: string; at: Date } | null = null
  return (text) => {
    if (last?.text === text) return last.at
    const [, day = '', clock, seconds = ':00', offset] = timePattern.exec(text) ?? []
    const wall = Date.parse(`${day}T${clock ?? '00:00'}${seconds}Z`)
    // Date.parse accepts February 31 as a day of March, and 24:00 as the next day.
    if (new Date(wall).getUTCDate() !== Number(day.slice(-2))) throw new BadCell(faultOf(text))
    const { ahead, isSkipped } = offset === undefined ? zone(wall) : { ...utc, ahead: offsetOf(offset) }
    if (isSkipped && clock !== undefined) {
      throw new BadCell(
        `does not exist in ${timezone}, where clocks skip it: pass the timezone of the export with --timezone`,
      )
    }
    const at = new Date(wall - ahead)
    last = { text, at }
    return at
  }
}

/** Returns why a text is not a time. Month and day of a rewritten date cannot be distinguished. */
function faultOf(text: string): string {
  const isRewritten = /^\d{1,4}[./-]\d{1,2}[./-]\d{1,4}\b|^\d{5}([.,]\d+)?$|^\d{1,2}:\d\d([:.]\d+)*$/.test(
    text,
  )
  if (isRewritten && !/^\d{4}-\d\d-\d\d/.test(text)) {
    return 'was rewritten by a spreadsheet, so its day cannot be known: export the file again, and import it without saving it in a spreadsheet'
  }
  if (/^\d{10}(\d{3})?$/.test(text)) {
    return 'is a number of seconds or milliseconds, as in a table of Stripe and not in an export'
  }
  return 'is not a valid time, such as 2026-09-01 14:30:00'
}

/** Returns the milliseconds that a clock with this offset is ahead of UTC. */
function offsetOf(text: string): number {
  if (text === 'Z' || text === 'UTC') return 0
  const [hours = 0, minutes = 0] = text.slice(1).split(':').map(Number)
  return (text.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * minute
}

/** Caches the offsets of a timezone per quarter of an hour: no timezone changes its offset within one. */
function createZone(timezone: string): (wall: number) => Offset {
  const quarter = 15 * minute
  const offsets = new Map<number, Offset>()
  return (wall) => {
    const key = Math.floor(wall / quarter)
    const known = offsets.get(key)
    if (known !== undefined) return known
    const clock = Temporal.Instant.fromEpochMilliseconds(key * quarter)
      .toZonedDateTimeISO('UTC')
      .toPlainDateTime()
    const time = clock.toZonedDateTime(timezone)
    const offset = {
      ahead: key * quarter - time.epochMilliseconds,
      isSkipped: !time.toPlainDateTime().equals(clock),
    }
    offsets.set(key, offset)
    return offset
  }
}
