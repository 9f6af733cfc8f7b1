import Papa from 'papaparse'
import { BadExport } from './import-errors.ts'

export type CsvLine = {
  /** The line number at which the record starts, from 1. */
  number: number
  cells: string[]
  /** Why the cells are not valid; null when they are valid. */
  fault: string | null
}

/** Maximum length of a record in characters. A longer record has a quote that is never closed. */
const maxRecord = 16 * 1024 * 1024

const [quote, lineFeed] = ['"'.charCodeAt(0), '\n'.charCodeAt(0)]

/**
 * Reads the records of a CSV file (RFC 4180) in parts and skips empty lines. The first record is the header, and all
 * lines end like it, in LF or CRLF. Memory holds one part.
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

/** Finds the last line feed outside quotes, or -1, and whether the text ends within quotes. */
function scan(text: string, beginsQuoted: boolean): { end: number; isQuoted: boolean } {
  let [end, isQuoted] = [-1, beginsQuoted]
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) isQuoted = !isQuoted
    else if (code === lineFeed && !isQuoted) end = at
  }
  return { end, isQuoted }
}

/** Regroups text into parts of complete records, without the line break at the end. */
async function* wholeRecords(parts: AsyncIterable<string>): AsyncGenerator<string> {
  let [rest, isQuoted, line] = ['', false, 1]
  for await (const part of parts) {
    // Scans each part only once, even for a long record.
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
        `a quote in line ${line} or later is never closed, in the record that starts with ${JSON.stringify(beginning)}`,
      )
    }
  }
  if (rest !== '') yield rest
}

function isEmpty(cells: readonly string[]): boolean {
  return cells.length === 1 && cells[0] === ''
}

/**
 * Splits complete records into lines.
 *
 * @param first number of the first line
 * @param width number of columns of the header; null before the header is read
 */
function splitRecords(text: string, newline: '\n' | '\r\n', first: number, width: number | null) {
  const { data, errors } = Papa.parse<string[]>(text, { delimiter: ',', newline })
  const expected = width ?? data.find((cells) => !isEmpty(cells))?.length
  const badlyQuoted = new Set(errors.map((error) => error.row))
  const textHasNul = text.includes('\0')
  const faultOf = (cells: readonly string[], position: number): string | null => {
    if (badlyQuoted.has(position)) return 'has a misplaced quote'
    if (cells.length !== expected) return `has ${cells.length} cells, but the header has ${expected}`
    const hasNul = textHasNul && cells.some((cell) => cell.includes('\0'))
    return hasNul ? 'has a NUL character, which Postgres cannot store' : null
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
