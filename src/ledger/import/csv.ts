import Papa from 'papaparse'
import { type CsvFormat, detectFormat } from './csv-format.ts'
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

const [quote, lineFeed, carriageReturn] = ['"'.charCodeAt(0), '\n'.charCodeAt(0), '\r'.charCodeAt(0)]

/**
 * Reads the records of a CSV file (RFC 4180) in parts and skips lines without any text. The first record is the header,
 * all lines end like it, in LF or CRLF, and have its separator. Memory holds one part.
 *
 * @throws BadExport when the lines end in different ways
 */
export async function* readCsv(parts: AsyncIterable<string>): AsyncGenerator<CsvLine[]> {
  let format: CsvFormat | null = null
  let header: string[] | null = null
  let number = 1
  for await (let { text, hasCrlf } of wholeRecords(parts)) {
    if (format === null) {
      format = detectFormat(text)
      if (format.start > 0) number = 2
      text = text.slice(format.start)
    }
    if (hasCrlf && format.newline === '\n') {
      throw new BadExport('some of its lines end in LF and some in CRLF: save it with one kind of line end')
    }
    if (format.newline === '\r\n' && text.endsWith('\r')) text = text.slice(0, -1)
    const { lines, next } = splitRecords(text, format, number, header)
    number = next
    header ??= headerOf(lines)
    if (lines.length > 0) yield lines
  }
}

/** @throws BadExport when lines end in CR alone, so that the header has all of them */
function headerOf([first]: readonly CsvLine[]): string[] | null {
  if (first?.cells.some((cell) => cell.trim().includes('\r'))) {
    throw new BadExport('its lines end in CR alone: save it again as CSV in UTF-8')
  }
  return first?.cells ?? null
}

function count(text: string, character: string): number {
  return text.split(character).length - 1
}

/** Finds the last line feed outside quotes, or -1, whether CRLF is outside quotes, and whether the text ends in quotes. */
function scan(text: string, beginsQuoted: boolean): { end: number; hasCrlf: boolean; isQuoted: boolean } {
  let [end, isQuoted, hasCrlf] = [-1, beginsQuoted, false]
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) isQuoted = !isQuoted
    else if (code === lineFeed && !isQuoted) {
      end = at
      hasCrlf ||= text.charCodeAt(at - 1) === carriageReturn
    }
  }
  return { end, hasCrlf, isQuoted }
}

/** Regroups text into parts of complete records, without the line break at the end. */
async function* wholeRecords(
  parts: AsyncIterable<string>,
): AsyncGenerator<{ text: string; hasCrlf: boolean }> {
  let [rest, isQuoted, line] = ['', false, 1]
  for await (const part of parts) {
    // Scans each part only once, even for a long record.
    const scanned = scan(part, isQuoted)
    isQuoted = scanned.isQuoted
    if (scanned.end >= 0) {
      const text = rest + part.slice(0, scanned.end)
      yield { text, hasCrlf: scanned.hasCrlf }
      line += count(text, '\n') + 1
      rest = part.slice(scanned.end + 1)
    } else rest += part
    if (rest.length > maxRecord) {
      const [beginning = ''] = rest.slice(0, 60).split('\n')
      throw new BadExport(
        `a quote in line ${line} or later is never closed, in the record that starts with ${JSON.stringify(beginning)}`,
      )
    }
  }
  if (rest !== '') yield { text: rest, hasCrlf: false }
}

/** True for empty lines, and for the lines of only separators that spreadsheets leave behind. */
function isEmpty(cells: readonly string[]): boolean {
  return cells.every((cell) => cell.trim() === '')
}

/**
 * Splits complete records into lines.
 *
 * @param first number of the first line
 * @param header cells of the header; null before it is read
 */
function splitRecords(
  text: string,
  { delimiter, newline }: CsvFormat,
  first: number,
  header: readonly string[] | null,
) {
  const { data, errors } = Papa.parse<string[]>(text, { delimiter, newline })
  const names = header ?? data.find((cells) => !isEmpty(cells)) ?? []
  const badlyQuoted = new Set(errors.map((error) => error.row))
  const textHasNul = text.includes('\0')
  const faultOf = (cells: readonly string[], position: number): string | null => {
    if (badlyQuoted.has(position)) return 'has a misplaced quote'
    if (cells.length !== names.length) return `has ${cells.length} cells, but the header has ${names.length}`
    const hasNul = textHasNul && cells.some((cell) => cell.includes('\0'))
    if (hasNul) return 'has a NUL character, which Postgres cannot store'
    return cells !== names && isSame(cells, names)
      ? 'repeats the header, so the file consists of several exports: import each in its own file'
      : null
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

/** Compares a line with the header. The second of two joined files can begin with a byte order mark. */
function isSame(cells: readonly string[], header: readonly string[]): boolean {
  return cells.every((cell, position) => cell.trim() === header[position]?.trim())
}
