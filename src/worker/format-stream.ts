import { Transform } from 'node:stream'
import { createGzip, createZstdCompress, constants as zlib } from 'node:zlib'
import type { Compression } from '../postgres/generated/prisma/client.ts'
import type { RenderedReport } from '../reports/render.ts'
import type { FileForm } from '../storage/file.ts'
import { createParquetStream } from './parquet/parquet-stream.ts'

const compressors: Record<Compression, () => Transform[]> = {
  NONE: () => [],
  GZIP: () => [createGzip({ level: 6 })],
  // Level 1 is faster than writing the bytes uncompressed, and smaller than gzip at 6.
  ZSTD: () => [createZstdCompress({ params: { [zlib.ZSTD_c_compressionLevel]: 1 } })],
}

const quote = 0x22
const newline = 0x0a

/** Stages between the output of COPY and a file. `rows` returns the number of complete rows so far, without the header. */
export function createFormatStream(
  report: RenderedReport,
  { format, compression }: FileForm,
  rowsExpected: number,
): { stages: readonly Transform[]; rows: () => number } {
  if (format === 'PARQUET') {
    const columns = report.columns.map(({ requestedName: name, value: { kind } }) => ({ name, kind }))
    const { stream, rows } = createParquetStream({ columns, compression, rows: rowsExpected })
    return { stages: [stream], rows }
  }
  const { stream, rows } = format === 'CSV' ? createCsvRowCounter(report.header) : createLineCounter()
  return { stages: [stream, ...compressors[compression]()], rows }
}

/** Passes CSV through and counts its rows. A line break inside quotes does not end a row. The first line is the header. */
export function createCsvRowCounter(header: string) {
  let lines = 0
  let isQuoted = false
  // Every byte of a report passes through here: a loop by index with local variables is several times as fast as an
  // iterator.
  const stream = createCounter((chunk) => {
    let newLines = 0
    let isInside = isQuoted
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]
      if (byte === quote) isInside = !isInside
      else if (byte === newline && !isInside) newLines++
    }
    lines += newLines
    isQuoted = isInside
  })
  stream.write(header)
  return { stream, rows: () => Math.max(0, lines - 1) }
}

function createLineCounter() {
  let lines = 0
  const stream = createCounter((chunk) => {
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, at + 1)) lines++
  })
  return { stream, rows: () => lines }
}

/** Passes everything through, and calls `count` with each chunk. */
function createCounter(count: (chunk: Buffer) => void): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      count(chunk)
      done(null, chunk)
    },
  })
}
