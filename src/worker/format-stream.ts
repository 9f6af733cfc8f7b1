import type { Transform } from 'node:stream'
import { createGzip, createZstdCompress, constants as zlib } from 'node:zlib'
import type { Compression } from '../postgres/generated/prisma/client.ts'
import type { RenderedReport } from '../reports/render.ts'
import type { FileForm } from '../storage/file.ts'
import { createParquetStream } from './parquet/parquet-stream.ts'
import { createCsvRowCounter, createLineCounter } from './row-counter.ts'

const compressors: Record<Compression, () => Transform[]> = {
  NONE: () => [],
  GZIP: () => [createGzip({ level: 6 })],
  // Level 1 is faster than writing the bytes uncompressed, and smaller than gzip at 6.
  ZSTD: () => [createZstdCompress({ params: { [zlib.ZSTD_c_compressionLevel]: 1 } })],
}

/**
 * What the rows of a COPY go through on their way into a file, and how many have come through whole.
 *
 * @param report whose `copyText` of that format gives the rows
 * @param rowsExpected how many they will be
 */
export function createFormatStream(
  report: RenderedReport,
  { format, compression }: FileForm,
  rowsExpected: bigint,
): { stages: readonly Transform[]; rows: () => number } {
  if (format === 'PARQUET') {
    const columns = report.columns.map(({ requestedName: name, value: { kind } }) => ({ name, kind }))
    const { stream, rows } = createParquetStream({ columns, compression, rows: Number(rowsExpected) })
    return { stages: [stream], rows }
  }
  const { stream, rows } = format === 'CSV' ? createCsvRowCounter(report.header) : createLineCounter()
  return { stages: [stream, ...compressors[compression]()], rows }
}
