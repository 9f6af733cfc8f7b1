import { gzipSync, constants as zlib, zstdCompressSync } from 'node:zlib'
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import type { Compression } from '../../postgres/generated/prisma/client.ts'
import { type BinaryRows, createBinaryRowReader } from './binary-rows.ts'
import { columnTypes, type ParquetColumn } from './column-types.ts'

const codecs = { NONE: 'UNCOMPRESSED', GZIP: 'GZIP', ZSTD: 'ZSTD' } as const
const compressors = {
  GZIP: (bytes: Uint8Array) => gzipSync(bytes, { level: 6 }),
  ZSTD: (bytes: Uint8Array) => zstdCompressSync(bytes, { params: { [zlib.ZSTD_c_compressionLevel]: 1 } }),
}

// In the metadata of an empty file, these bytes precede the type of the list of row groups. No column name contains them.
const beforeRowGroups = Buffer.from([0x16, 0x00, 0x19])
const emptyList = 0x00
const emptyListOfStructs = 0x0c

/**
 * Converts the output of `COPY … (format binary)` into a Parquet file, one row group at a time.
 *
 * @throws UnwritableValueError from `take` and `end`, for a value that Parquet cannot represent
 */
export function createParquetEncoder(columns: readonly ParquetColumn[], compression: Compression) {
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
  const writeGroup = (rows: BinaryRows): void => {
    writer.write({
      columnData: columns.map(({ name, kind }, i) => {
        const { read, hasStatistics } = columnTypes[kind]
        return {
          name,
          statistics: hasStatistics,
          // A getter, so that only the values of one column are in memory at a time.
          get data() {
            return rows.column(i, (bytes, start, end) => read(bytes, start, end, name))
          },
        }
      }),
      rowGroupSize: rows.length,
    })
  }
  const reader = createBinaryRowReader(columns.length, writeGroup)

  const takeBytes = (): Uint8Array<ArrayBuffer> => {
    const bytes = new Uint8Array(buffer.getBytes())
    buffer.index = 0
    return bytes
  }

  return {
    /** Takes the next bytes from Postgres. Returns the bytes of the file that are ready, often none. */
    take: (chunk: Uint8Array): Uint8Array<ArrayBuffer> => {
      reader.take(chunk)
      return takeBytes()
    },
    end: (): Uint8Array<ArrayBuffer> => {
      reader.end()
      writer.finish()
      return reader.rows() === 0 ? repairEmptyFile(takeBytes()) : takeBytes()
    },
    rows: reader.rows,
  }
}

/**
 * Repairs a Parquet file without row groups. `hyparquet-writer` 0.17 takes the element type of a list from its first
 * element, so it writes no type for an empty list, and some readers, such as the one in Rust, reject the file.
 */
function repairEmptyFile(file: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const at = Buffer.from(file.buffer).lastIndexOf(beforeRowGroups) + beforeRowGroups.length
  if (at >= beforeRowGroups.length && file[at] === emptyList) file[at] = emptyListOfStructs
  return file
}
