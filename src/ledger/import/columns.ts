import type { Metadata } from '../rows.ts'
import { createAmountReader } from './amount.ts'
import { BadCell } from './bad-cell.ts'
import { createTimeReader } from './time.ts'

/** The cells of a line, in the order of the header. */
export type Line = readonly string[]

/** What a line has in a column, or in one of several; null when there is nothing. Throws BadCell. */
export type Reader<Value> = (line: Line) => Value | null
/** The same for what every line has. */
export type NeededReader<Value> = (line: Line) => Value

/** The columns of one file, by the names in its header; letters of either size are the same. */
export type Columns = {
  has(name: string): boolean
  /** The name as the file's header writes it. */
  nameOf(name: string): string
  /** Text of the first of these columns that the file has. */
  text(...names: readonly string[]): Reader<string>
  /** The same of a cell that may not be empty. */
  needed(...names: readonly string[]): NeededReader<string>
  flag(name: string): Reader<boolean>
  /** Whole minor units. */
  amount(name: string, currency: (line: Line) => string | null): Reader<number>
  /** A time in a column that is in UTC, or else in one that is in the timezone of the export. */
  time(utcName: string, localName?: string): Reader<Date>
  /** The same of a cell that may not be empty. */
  neededTime(utcName: string, localName: string): NeededReader<Date>
  /** Names of the columns whose times are in the timezone of the export, of those that were asked for. */
  localTimes(): readonly string[]
  /** Metadata by its keys, of the columns that the pattern matches; its first group is the key. */
  metadata(pattern: RegExp): Reader<Metadata>
}

export function createColumns(header: readonly string[], timezone: string): Columns {
  const places = new Map(header.map((name, place) => [name.trim().toLowerCase(), place]))
  const readAmount = createAmountReader()
  const localTimes: string[] = []

  const placeOf = (names: readonly string[]): number | null => {
    for (const name of names) {
      const place = places.get(name.toLowerCase())
      if (place !== undefined) return place
    }
    return null
  }
  const nameAt = (place: number): string => (header[place] ?? '').trim()

  const text: Columns['text'] = (...names) => {
    const place = placeOf(names)
    return place === null ? absent : (line) => line[place] || null
  }
  /** Converts what stands in a column, without the blanks around it. */
  const converted = <Value>(
    place: number | null,
    read: (text: string, line: Line) => Value,
  ): Reader<Value> => {
    if (place === null) return absent
    return (line) => {
      const value = line[place]?.trim()
      return value ? convert(nameAt(place), value, (given) => read(given, line)) : null
    }
  }
  const time: Columns['time'] = (utcName, localName) => {
    const utc = placeOf([utcName])
    if (utc !== null || localName === undefined) return converted(utc, createTimeReader('UTC'))
    const local = placeOf([localName])
    if (local !== null) localTimes.push(nameAt(local))
    return converted(local, createTimeReader(timezone))
  }
  return {
    has: (name) => placeOf([name]) !== null,
    nameOf: (name) => nameAt(placeOf([name]) ?? -1) || name,
    text,
    needed: (...names) => {
      const place = placeOf(names)
      return (line) => {
        const value = place === null ? '' : line[place]?.trim()
        if (!value) throw new BadCell('is empty', place === null ? (names[0] ?? null) : nameAt(place), '')
        return value
      }
    },
    flag: (name) =>
      converted(placeOf([name]), (given) => {
        if (!/^(true|false)$/i.test(given)) throw new BadCell('is neither true nor false')
        return given.toLowerCase() === 'true'
      }),
    amount: (name, currency) =>
      converted(placeOf([name]), (given, line) => readAmount(given, currency(line) ?? '')),
    time,
    localTimes: () => localTimes,
    neededTime: (utcName, localName) => {
      const read = time(utcName, localName)
      const column = nameAt(placeOf([utcName, localName]) ?? -1) || utcName
      return (line) => {
        const at = read(line)
        if (!at) throw new BadCell('is empty', column, '')
        return at
      }
    },
    metadata: (pattern) => {
      const keys = header.flatMap((name, place) => {
        const key = pattern.exec(name.trim())?.[1]
        return key === undefined ? [] : [{ key, place }]
      })
      if (keys.length === 0) return absent
      return (line) => {
        const entries = keys.flatMap(({ key, place }) => {
          const value = line[place]
          return value ? [[key, value] as const] : []
        })
        return entries.length === 0 ? null : Object.fromEntries(entries)
      }
    },
  }
}

function absent() {
  return null
}

/** Runs a conversion, and names column and value when it fails. */
function convert<Value>(column: string, value: string, read: (text: string) => Value): Value {
  try {
    return read(value)
  } catch (error) {
    if (error instanceof BadCell) throw new BadCell(error.message, column, value)
    throw error
  }
}
