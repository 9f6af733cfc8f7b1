import { addAbortSignal, pipeline, type Readable, Transform } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { CsvError, parse } from 'csv-parse'
import type { Compression } from '../../postgres/generated/prisma/client.ts'
import { keyOfFile } from '../file.ts'
import { NoRowError, type ReadRow, type Row, type RowReader, type RowSource } from './row-reader.ts'

const newline = 0x0a

/** A row, and the number of bytes from the start of the read to its end. */
type ParsedRow = { row: Row; bytes: number }

/** Reads rows of CSV with a header. */
export const readCsvRows: RowReader = textReader(parseCsv)

/** Reads rows of JSON Lines: one object on each line, with its values in the order of the columns. */
export const readJsonlRows: RowReader = textReader(parseJsonl)

/** @param parseRows parses content from the start of a line; `isStart` is true when that is the first line of the file */
function textReader(parseRows: (content: Readable, isStart: boolean) => AsyncIterable<ParsedRow>): RowReader {
  return async (source, position, count) => {
    const content = await openContent(source, position.offset)
    if (!content) return null
    const rows: ReadRow[] = []
    for await (const { row, bytes } of parseRows(content, position.offset === 0)) {
      rows.push({ row, end: { row: position.row + rows.length + 1, offset: position.offset + bytes } })
      if (rows.length === count) break
    }
    return rows
  }
}

async function* parseCsv(content: Readable, isStart: boolean): AsyncGenerator<ParsedRow> {
  const parser = parse({
    delimiter: ',',
    record_delimiter: '\n',
    bom: isStart,
    // Skip the header.
    from: isStart ? 2 : 1,
    info: true,
    // An empty field is null without quotes, and an empty string with quotes.
    cast: (value, { quoting }) => (value === '' && !quoting ? null : value),
  })
  try {
    for await (const entry of pipeline(content, parser, () => {})) {
      const { record, info }: { record: Row; info: { bytes: number } } = entry
      yield { row: record, bytes: info.bytes }
    }
  } catch (error) {
    throw error instanceof CsvError
      ? new NoRowError('The content at this position is not valid CSV.', { cause: error })
      : error
  }
}

async function* parseJsonl(content: Readable): AsyncGenerator<ParsedRow> {
  let bytes = 0
  for await (const line of splitLines(content)) {
    bytes += line.length + 1
    yield { row: parseObject(line), bytes }
  }
}

/** Splits text into lines, without their line endings. */
async function* splitLines(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = []
  for await (let chunk of content) {
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline)) {
      yield Buffer.concat([...pieces, chunk.subarray(0, at)])
      pieces = []
      chunk = chunk.subarray(at + 1)
    }
    if (chunk.length > 0) pieces.push(chunk)
  }
  if (pieces.length > 0) yield Buffer.concat(pieces)
}

function parseObject(line: Buffer): Row {
  try {
    const parsed: unknown = JSON.parse(line.toString(), keepDigits)
    if (typeof parsed === 'object' && parsed !== null) return Object.values(parsed).map(valueText)
    throw new SyntaxError('The line is not a JSON object.')
  } catch (cause) {
    throw new NoRowError('The content at this position is not a line of JSON.', { cause })
  }
}

/** Keeps numbers as their source text: long ones would lose digits as JavaScript numbers. */
function keepDigits(_key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' ? (context?.source ?? String(value)) : value
}

function valueText(value: unknown): string | null {
  if (value === null || typeof value === 'string') return value
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

const decompressors: Record<Compression, (() => Transform) | null> = {
  NONE: null,
  GZIP: createGunzip,
  ZSTD: createZstdDecompress,
}

/**
 * Opens the decompressed content of a text file from the start of a line. An uncompressed file is read from there; a
 * compressed one must be decompressed from its start.
 *
 * @param offset number of bytes of the decompressed content before the line
 * @returns null when the file has been deleted; a stream that is not read to its end must be destroyed
 */
async function openContent({ storage, file, signal }: RowSource, offset: number): Promise<Readable | null> {
  const decompress = decompressors[file.compression]
  // Include the previous byte, which must be the end of a line.
  const start = decompress || offset === 0 ? 0 : offset - 1
  const stored = await storage.read(keyOfFile(file), { start })
  if (!stored) return null
  const skip = createSkip(offset - start)
  // Errors surface in the last stage, which the caller reads.
  pipeline([stored, ...(decompress ? [decompress()] : []), skip], () => {})
  addAbortSignal(signal, skip)
  return skip
}

/** Drops the first bytes, which must end with a line break. */
function createSkip(bytes: number): Transform {
  let left = bytes
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const skipped = Math.min(left, chunk.length)
      left -= skipped
      if (skipped > 0 && left === 0 && chunk[skipped - 1] !== newline)
        done(new NoRowError('No line begins at this position.'))
      else done(null, chunk.subarray(skipped))
    },
    flush: (done) => done(left > 0 ? new NoRowError('The file ends before this position.') : null),
  })
}
