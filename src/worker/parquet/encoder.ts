import { gzipSync, constants as zlib, zstdCompressSync } from 'node:zlib'
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import type { Compression } from '../../database/generated/prisma/client.ts'
import { createBinaryRowReader } from './binary-rows.ts'
import { columnTypes, type ParquetColumn, type ParquetValue } from './column-types.ts'
import { mendEmptyFile } from './empty-file.ts'

/**
 * Rows in a row group. The values of one are in memory, and what the end of the file says of each: fewer rows make the first
 * smaller and the second larger.
 */
const rowsPerGroup = 5_000
/** A row group of long values ends earlier. */
const bytesPerGroup = 4 * 1024 * 1024

const codecs = { NONE: 'UNCOMPRESSED', GZIP: 'GZIP', ZSTD: 'ZSTD' } as const
const compressors = {
  GZIP: (bytes: Uint8Array) => gzipSync(bytes, { level: 6 }),
  ZSTD: (bytes: Uint8Array) => zstdCompressSync(bytes, { params: { [zlib.ZSTD_c_compressionLevel]: 1 } }),
}

export type ParquetEncoder = {
  /** Takes the next bytes of Postgres; gives those of the file that are ready, often none. */
  take(chunk: Uint8Array): Uint8Array<ArrayBuffer>
  /** The rest of the file. */
  end(): Uint8Array<ArrayBuffer>
  /** Rows taken. */
  rows(): number
}

/**
 * Turns what `COPY … (format binary)` writes into a Parquet file, a row group at a time.
 *
 * @throws UnwritableValueError from `take` and `end`, for a value that Parquet has no place for
 */
export const createParquetEncoder = (
  columns: readonly ParquetColumn[],
  compression: Compression,
): ParquetEncoder => {
  const buffer = new ByteWriter()
  const writer = new ParquetWriter({
    writer: buffer,
    schema: [
      { name: 'report', num_children: columns.length },
      ...columns.map(({ name, kind }) => ({
        ...columnTypes[kind].element,
        name,
        repetition_type: 'OPTIONAL' as const,
      })),
    ],
    codec: codecs[compression],
    compressors,
    createdBy: 'Report Gateway',
  })
  const group = columns.map(({ name, kind }) => ({ name, ...columnTypes[kind], data: [] as ParquetValue[] }))
  let rows = 0
  let rowsInGroup = 0
  let bytesInGroup = 0

  const writeGroup = (): void => {
    writer.write({
      columnData: group.map(({ name, data }) => ({ name, data })),
      rowGroupSize: rowsInGroup,
    })
    for (const column of group) column.data = []
    rowsInGroup = 0
    bytesInGroup = 0
  }

  const reader = createBinaryRowReader(
    (i, bytes) => {
      const column = group[i]
      column?.data.push(bytes && column.read(bytes, column.name))
    },
    (byteSize) => {
      rows++
      rowsInGroup++
      bytesInGroup += byteSize
      if (rowsInGroup === rowsPerGroup || bytesInGroup >= bytesPerGroup) writeGroup()
    },
  )

  const takeBytes = (): Uint8Array<ArrayBuffer> => {
    const bytes = new Uint8Array(buffer.getBytes())
    buffer.index = 0
    return bytes
  }

  return {
    take: (chunk) => {
      reader.take(chunk)
      return takeBytes()
    },
    end: () => {
      reader.end()
      if (rowsInGroup > 0) writeGroup()
      writer.finish()
      return rows === 0 ? mendEmptyFile(takeBytes()) : takeBytes()
    },
    rows: () => rows,
  }
}
