import Papa from 'papaparse'
import { BadExport } from './import-errors.ts'

export type CsvLine = {
  /** The line of the file that it begins in, from 1. */
  number: number
  cells: string[]
  /** Why its cells cannot be trusted; null when they can. */
  fault: string | null
}

/** Maximum length of a record, in characters: one that is longer has a quote without a partner. */
const maxRecord = 16 * 1024 * 1024

const [quote, lineFeed] = ['"'.charCodeAt(0), '\n'.charCodeAt(0)]

/**
 * The records of a CSV file after RFC 4180, in parts, empty lines left out; the first is the header. Lines may end in LF or
 * CRLF, as the header's does. Memory holds one part.
 */
export async function* readCsv(parts: AsyncIterable<string>): AsyncGenerator<CsvLine[]> {
  let newline: '\n' | '\r\n' | null = null
  let width: number | null = null
  let number = 1
  for await (const text of wholeRecords(parts)) {
    newline ??= /^[^\n]*\r(\n|$)/.test(text) ? '\r\n' : '\n'
    const isCut = newline === '\r\n' && text.endsWith('\r')
    const { lines, next } = splitRecords(isCut ? text.slice(0, -1) : text, newline, number, width)
    number = next
    width ??= lines[0]?.cells.length ?? null
    if (lines.length > 0) yield lines
  }
}

function count(text: string, character: string): number {
  return text.split(character).length - 1
}

/** Where the last line feed stands that is in no quotes, -1 when there is none, and whether the text ends within quotes. */
function scan(text: string, beginsQuoted: boolean): { end: number; isQuoted: boolean } {
  let [end, isQuoted] = [-1, beginsQuoted]
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) isQuoted = !isQuoted
    else if (code === lineFeed && !isQuoted) end = at
  }
  return { end, isQuoted }
}

/** Text in parts that hold whole records, without the line break at their end. */
async function* wholeRecords(parts: AsyncIterable<string>): AsyncGenerator<string> {
  let [rest, isQuoted, line] = ['', false, 1]
  for await (const part of parts) {
    // Each part is looked at once, however long a record is.
    const scanned = scan(part, isQuoted)
    isQuoted = scanned.isQuoted
    if (scanned.end >= 0) {
      const records = rest + part.slice(0, scanned.end)
      yield records
      line += count(records, '\n') + 1
      rest = part.slice(scanned.end + 1)
    } else rest += part
    if (rest.length > maxRecord) {
      const [beginning = ''] = rest.slice(0, 60).split('\n')
      throw new BadExport(
        `a quote that has no partner stands in line ${line} or after it, where this record begins: ${JSON.stringify(beginning)}`,
      )
    }
  }
  if (rest !== '') yield rest
}

function isEmpty(cells: readonly string[]): boolean {
  return cells.length === 1 && cells[0] === ''
}

/** Splits whole records into lines of which the first has this number. The width is that of the header. */
function splitRecords(text: string, newline: '\n' | '\r\n', first: number, width: number | null) {
  const { data, errors } = Papa.parse<string[]>(text, { delimiter: ',', newline })
  const expected = width ?? data.find((cells) => !isEmpty(cells))?.length
  const badlyQuoted = new Set(errors.map((error) => error.row))
  const mayHaveNul = text.includes('\0')
  const faultOf = (cells: readonly string[], position: number): string | null => {
    if (badlyQuoted.has(position)) return 'has a quote where none can stand'
    if (cells.length !== expected) return `has ${cells.length} cells where the header has ${expected}`
    const hasNul = mayHaveNul && cells.some((cell) => cell.includes('\0'))
    return hasNul ? 'has a NUL character, which Postgres cannot keep' : null
  }
  const hasBreaks = count(text, '\n') + 1 !== data.length
  const lines: CsvLine[] = []
  let number = first
  for (const [position, cells] of data.entries()) {
    if (!isEmpty(cells)) lines.push({ number, cells, fault: faultOf(cells, position) })
    number += 1 + (hasBreaks ? cells.reduce((breaks, cell) => breaks + count(cell, '\n'), 0) : 0)
  }
  return { lines, next: number }
}
