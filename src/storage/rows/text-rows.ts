import { addAbortSignal, pipeline, type Readable, Transform } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { CsvError, parse } from 'csv-parse'
import type { Compression } from '../../postgres/generated/prisma/client.ts'
import { keyOfFile } from '../file.ts'
import { NoRowError, type ReadRow, type Row, type RowReader, type RowSource } from './row-reader.ts'

const newline = 0x0a

/** A row, and how many bytes there are from where the reading began to its end. */
type ParsedRow = { row: Row; bytes: number }

/** Reads rows of CSV with a header. */
export const readCsvRows: RowReader = textReader(parseCsv)

/** Reads rows of JSON Lines: an object on each, whose values are in the order of the columns. */
export const readJsonlRows: RowReader = textReader(parseJsonl)

/** @param parseRows of content from the beginning of a line on; `isStart` when that is the first of the file */
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
    // Without the header.
    from: isStart ? 2 : 1,
    info: true,
    // An empty field is null without quotes, and empty text with them.
    cast: (value, { quoting }) => (value === '' && !quoting ? null : value),
  })
  try {
    for await (const entry of pipeline(content, parser, () => {})) {
      const { record, info }: { record: Row; info: { bytes: number } } = entry
      yield { row: record, bytes: info.bytes }
    }
  } catch (error) {
    throw error instanceof CsvError ? new NoRowError('It is no CSV from here on.', { cause: error }) : error
  }
}

async function* parseJsonl(content: Readable): AsyncGenerator<ParsedRow> {
  let bytes = 0
  for await (const line of splitLines(content)) {
    bytes += line.length + 1
    yield { row: parseObject(line), bytes }
  }
}

/** Lines of a text, without what ends them. */
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
    throw new SyntaxError('The line is no object.')
  } catch (cause) {
    throw new NoRowError('It is no JSON from here on.', { cause })
  }
}

/** Numbers as they are written: as numbers of JavaScript, long ones would lose digits. */
function keepDigits(_key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' ? (context?.source ?? String(value)) : value
}

function valueText(value: unknown): string | null {
  if (value === null || typeof value === 'string') return value
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

const unpackers: Record<Compression, (() => Transform) | null> = {
  NONE: null,
  GZIP: createGunzip,
  ZSTD: createZstdDecompress,
}

/**
 * Opens the content of a file of lines, unpacked, from the beginning of a line on. Of a file that is not compressed only
 * what follows is read; a compressed one is unpacked from its beginning.
 *
 * @param offset bytes of the unpacked content before the line
 * @returns null when the file has been deleted; what is not read to its end has to be destroyed
 */
async function openContent({ storage, file, signal }: RowSource, offset: number): Promise<Readable | null> {
  const unpack = unpackers[file.compression]
  // With the byte before: by that, a line is known to begin here.
  const start = unpack || offset === 0 ? 0 : offset - 1
  const stored = await storage.read(keyOfFile(file), { start })
  if (!stored) return null
  const skip = createSkip(offset - start)
  // Faults come out of the last stage, where they are awaited. The signal ends the reading.
  pipeline([stored, ...(unpack ? [unpack()] : []), skip], () => {})
  addAbortSignal(signal, skip)
  return skip
}

/** Leaves out the first bytes, which have to end with a line. */
function createSkip(bytes: number): Transform {
  let left = bytes
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const skipped = Math.min(left, chunk.length)
      left -= skipped
      if (skipped > 0 && left === 0 && chunk[skipped - 1] !== newline)
        done(new NoRowError('No line begins here.'))
      else done(null, chunk.subarray(skipped))
    },
    flush: (done) => done(left > 0 ? new NoRowError('The file is shorter.') : null),
  })
}
