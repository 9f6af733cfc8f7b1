import type { Metadata } from '../rows.ts'
import { createAmountReader } from './amount.ts'
import { BadCell } from './import-errors.ts'
import { createTimeReader } from './time.ts'

/** The cells of a line, in the order of the header. */
export type Line = readonly string[]

/** What a line has in a column, or in one of several; null when there is nothing. Throws BadCell. */
export type Reader<Value> = (line: Line) => Value | null
/** The same for what every line has. */
export type NeededReader<Value> = (line: Line) => Value

export type Columns = ReturnType<typeof createColumns>

/** The columns of one file, by the names in its header, in lower case here and in any case there. */
export function createColumns(header: readonly string[], timezone: string) {
  const positions = new Map(header.map((name, position) => [name.trim().toLowerCase(), position]))
  const readAmount = createAmountReader()
  const localTimes: string[] = []

  const positionOf = (names: readonly string[]): number | null => {
    const found = names.find((name) => positions.has(name))
    return found === undefined ? null : (positions.get(found) ?? null)
  }
  const nameAt = (position: number): string => (header[position] ?? '').trim()
  /** The name as the file's header writes it. */
  const nameOf = (...names: readonly string[]): string => nameAt(positionOf(names) ?? -1) || (names[0] ?? '')

  /** Converts the text of a cell, without the blanks around it; names column and value when that fails. */
  const converted = <Value>(
    position: number | null,
    read: (text: string, line: Line) => Value,
  ): Reader<Value> => {
    if (position === null) return absent
    return (line) => {
      const value = line[position]?.trim()
      if (!value) return null
      try {
        return read(value, line)
      } catch (error) {
        throw error instanceof BadCell ? new BadCell(error.message, nameAt(position), value) : error
      }
    }
  }
  const needed = <Value>(read: Reader<Value>, names: readonly string[]): NeededReader<Value> => {
    const column = nameOf(...names)
    return (line) => {
      const value = read(line)
      if (value === null) throw new BadCell('is empty', column, '')
      return value
    }
  }
  /** A time in a column that is in UTC, or else in one that is in the timezone of the export. */
  const time = (utcName: string, localName?: string): Reader<Date> => {
    const utc = positionOf([utcName])
    if (utc !== null || localName === undefined) return converted(utc, createTimeReader('UTC'))
    const local = positionOf([localName])
    if (local !== null) localTimes.push(nameAt(local))
    return converted(local, createTimeReader(timezone))
  }
  return {
    has: (name: string) => positions.has(name),
    nameOf,
    /** Text of the first of these columns that the file has. */
    text: (...names: readonly string[]): Reader<string> => {
      const position = positionOf(names)
      return position === null ? absent : (line) => line[position] || null
    },
    /** The same of a cell that may not be empty. */
    neededText: (...names: readonly string[]) =>
      needed(
        converted(positionOf(names), (given) => given),
        names,
      ),
    flag: (name: string) =>
      converted(positionOf([name]), (given) => {
        if (!/^(true|false)$/i.test(given)) throw new BadCell('is neither true nor false')
        return given.toLowerCase() === 'true'
      }),
    /** Whole minor units. */
    amount: (name: string, currency: (line: Line) => string | null) =>
      converted(positionOf([name]), (given, line) => readAmount(given, currency(line) ?? '')),
    time,
    /** The same of a cell that may not be empty. */
    neededTime: (utcName: string, localName: string) =>
      needed(time(utcName, localName), [utcName, localName]),
    /** Names of the columns whose times are in the timezone of the export, of those that were asked for. */
    localTimes,
    /** Metadata by its keys, of the columns that the pattern matches; its first group is the key. */
    metadata: (pattern: RegExp): Reader<Metadata> => {
      const keys = header.flatMap((name, position) => {
        const key = pattern.exec(name.trim())?.[1]
        return key === undefined ? [] : [{ key, position }]
      })
      if (keys.length === 0) return absent
      return (line) => {
        const entries = keys.flatMap(({ key, position }) => {
          const value = line[position]
          return value ? [[key, value] as const] : []
        })
        return entries.length === 0 ? null : Object.fromEntries(entries)
      }
    },
  }
}

type Readers = Readonly<Record<string, (line: Line) => unknown>>
type Fields<Of extends Readers> = { [Field in keyof Of]: ReturnType<Of[Field]> }

/** Reads a line into an object, each field by its reader. */
export function fieldsReader<Of extends Readers>(readers: Of): NeededReader<Fields<Of>> {
  const entries = Object.entries(readers)
  return (line) => {
    const fields: Record<string, unknown> = {}
    for (const [field, read] of entries) fields[field] = read(line)
    // Each field has what its reader gives.
    return fields as Fields<Of>
  }
}

function absent() {
  return null
}
