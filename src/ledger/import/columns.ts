import type { Metadata } from '../rows.ts'
import { createAmountReader } from './amount.ts'
import { BadCell, BadExport } from './import-errors.ts'
import { createTimeReader } from './time.ts'

/** The cells of a line, in the order of the header. */
export type Line = readonly string[]

/** Reads a value from a line; null when the cell is empty or the column is missing. Throws BadCell. */
export type Reader<Value> = (line: Line) => Value | null
/** Reads a required value from a line. Throws BadCell. */
export type RequiredReader<Value> = (line: Line) => Value

export type Columns = ReturnType<typeof createColumns>

/** Creates readers for the columns of a file. Column names are lower case here, and in any case in the header. */
export function createColumns(header: readonly string[], timezone: string) {
  const names = header.map(normalizeName)
  const positions = new Map(names.map((name, position) => [name, position]))
  const amounts = createAmountReader()
  const localTimes: string[] = []
  // An itemized report can be a file of this gateway.
  const textOf = positions.has('balance_transaction_id') ? unguardedText : (cell?: string) => cell

  const positionOf = (wanted: readonly string[]): number | null => {
    const found = wanted.find((name) => positions.has(name))
    if (found === undefined) return null
    const position = positions.get(found) ?? null
    if (names.indexOf(found) !== position) {
      throw new BadExport(
        `it has more than one column "${found}": export the file again, or delete the wrong one`,
      )
    }
    return position
  }
  const nameAt = (position: number): string => (header[position] ?? '').trim()
  /** Returns the column name as it is in the header. */
  const nameOf = (...names: readonly string[]): string => nameAt(positionOf(names) ?? -1) || (names[0] ?? '')

  /** Converts the trimmed text of a cell. An error names the column and the value. */
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
        // A reader of another column can be part of this one, such as that of the currency.
        const isUnplaced = error instanceof BadCell && error.column === null
        throw isUnplaced ? new BadCell(error.message, nameAt(position), value) : error
      }
    }
  }
  const required = <Value>(read: Reader<Value>, names: readonly string[]): RequiredReader<Value> => {
    const column = nameOf(...names)
    return (line) => {
      const value = read(line)
      if (value === null) throw new BadCell('is empty', column, '')
      return value
    }
  }
  /** Reads a time from a column in UTC, or from a column in the timezone of the export. */
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
    /** Reads text from the first of these columns that exists. */
    text: (...names: readonly string[]): Reader<string> => {
      const position = positionOf(names)
      return position === null ? absent : (line) => textOf(line[position]) || null
    },
    /** Makes a reader reject an empty cell of these columns. */
    required,
    /** Reads text from a cell that must not be empty. */
    requiredText: (...names: readonly string[]) =>
      required(
        converted(positionOf(names), (given) => given),
        names,
      ),
    flag: (name: string) =>
      converted(positionOf([name]), (given) => {
        if (!/^(true|false)$/i.test(given)) throw new BadCell('is neither true nor false')
        return given.toLowerCase() === 'true'
      }),
    /**
     * Reads an amount in minor units.
     *
     * @param unit a name for the columns that have one unit, because the row checks compare them
     */
    amount: (name: string, currency: (line: Line) => string | null, unit: 'settled' | 'facing' = 'settled') =>
      converted(positionOf([name]), (given, line) => amounts.read(given, currency(line) ?? '', unit)),
    /** Checks that the amounts read so far are in major units; throws BadExport. */
    checkUnits: amounts.checkUnits,
    time,
    /** Reads a time from a cell that must not be empty. */
    requiredTime: (utcName: string, localName: string) =>
      required(time(utcName, localName), [utcName, localName]),
    /** Names of the time columns in the timezone of the export that have a reader. */
    localTimes,
    /** Reads metadata from the columns that match the pattern. Its first group is the key. */
    metadata: (pattern: RegExp): Reader<Metadata> => {
      const keys = header.flatMap((name, position) => {
        const key = pattern.exec(name.trim())?.[1]
        return key === undefined ? [] : [{ key, position }]
      })
      if (keys.length === 0) return absent
      return (line) => {
        const entries = keys.flatMap(({ key, position }) => {
          const value = textOf(line[position])
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
export function fieldsReader<Of extends Readers>(readers: Of): RequiredReader<Fields<Of>> {
  const entries = Object.entries(readers)
  return (line) => {
    const fields: Record<string, unknown> = {}
    for (const [field, read] of entries) fields[field] = read(line)
    // Each field has the type that its reader returns.
    return fields as Fields<Of>
  }
}

/**
 * Removes the apostrophe that this gateway writes before text that a spreadsheet would run as a formula; see
 * `csvValue` in src/reports/formats.ts.
 */
function unguardedText(cell?: string): string | undefined {
  return cell?.startsWith("'") && /^'[=+\-@＝＋－＠\t\n\r]/.test(cell) ? cell.slice(1) : cell
}

/** Returns a column name in lower case, with single spaces between its words and before a parenthesis. */
function normalizeName(name: string): string {
  return name
    .normalize('NFKC')
    .replaceAll(/[\s\ufeff]+/g, ' ')
    .replace(/ ?\( ?(.*?) ?\)/, ' ($1)')
    .trim()
    .toLowerCase()
}

function absent() {
  return null
}
