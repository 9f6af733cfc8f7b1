import type { Transform } from 'node:stream'
import { createGzip, createZstdCompress, constants as zlib } from 'node:zlib'
import type { Compression } from '../postgres/generated/prisma/client.ts'
import type { RenderedReport } from '../reports/render.ts'
import type { FileForm } from '../storage/file.ts'
import { createParquetStream } from './parquet/parquet-stream.ts'
import { createCsvRowCounter, createLineCounter } from './row-counter.ts'

/** What the rows of a COPY go through on their way into a file. */
export type FormatStream = {
  stages: readonly Transform[]
  /** Rows that have come through whole. */
  rows(): number
}

const compressors: Record<Compression, () => Transform[]> = {
  NONE: () => [],
  GZIP: () => [createGzip({ level: 6 })],
  // Level 1 is faster than writing the bytes uncompressed, and smaller than gzip at 6.
  ZSTD: () => [createZstdCompress({ params: { [zlib.ZSTD_c_compressionLevel]: 1 } })],
}

/**
 * @param report whose `copyText` of that format gives the rows
 * @param rowsExpected how many they will be
 */
export function createFormatStream(
  report: RenderedReport,
  { format, compression }: FileForm,
  rowsExpected: bigint,
): FormatStream {
  switch (format) {
    case 'CSV': {
      const { stream, rows } = createCsvRowCounter(report.header)
      return { stages: [stream, ...compressors[compression]()], rows }
    }
    case 'JSONL': {
      const { stream, rows } = createLineCounter()
      return { stages: [stream, ...compressors[compression]()], rows }
    }
    case 'PARQUET': {
      const columns = report.columns.map(({ requestedName, value }) => ({
        name: requestedName,
        kind: value.kind,
      }))
      const { stream, rows } = createParquetStream({ columns, compression, rows: Number(rowsExpected) })
      return { stages: [stream], rows }
    }
  }
}
