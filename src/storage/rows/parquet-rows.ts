import { buffer } from 'node:stream/consumers'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import {
  type AsyncBuffer,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
  type SchemaElement,
} from 'hyparquet'
import { valueText } from './parquet-value.ts'
import type { RowReader, RowSource } from './row-reader.ts'

/** What is read at first to find the footer, in bytes: that of a file of some row groups is shorter. */
const footerBytes = 64 * 1024

class ErasedError extends Error {}

function openBuffer({ storage, key, byteSize, signal }: RowSource): AsyncBuffer {
  return {
    byteLength: byteSize,
    slice: async (start, end = byteSize) => {
      signal.throwIfAborted()
      const stream = await storage.read(key, { start, end })
      if (!stream) throw new ErasedError()
      const { buffer: bytes, byteOffset, byteLength } = await buffer(stream)
      return new Uint8Array(bytes, byteOffset, byteLength).slice().buffer
    },
  }
}

/** Node's own, beside which the reader knows Snappy. */
const compressors: Compressors = {
  GZIP: (input) => gunzipSync(input),
  ZSTD: (input) => zstdDecompressSync(input),
}

/** Has decimals read as they are stored: the reader itself makes numbers of them, which lose digits. */
function withoutDecimals(metadata: FileMetaData): FileMetaData {
  return {
    ...metadata,
    schema: metadata.schema.map((element) => {
      const { converted_type, logical_type, ...stored } = element
      return isDecimal(element) ? stored : element
    }),
  }
}

function isDecimal({ converted_type, logical_type }: SchemaElement): boolean {
  return converted_type === 'DECIMAL' || logical_type?.type === 'DECIMAL'
}

/** Reads rows of Parquet, by the row groups that they are in. */
export const readParquetRows: RowReader = async (source, { row, offset }, count) => {
  const file = openBuffer(source)
  try {
    const metadata = await parquetMetadataAsync(file, { initialFetchSize: footerBytes })
    // The first element is the file as a whole.
    const columns = metadata.schema.slice(1)
    let found: unknown[][] = []
    await parquetRead({
      file,
      metadata: withoutDecimals(metadata),
      rowStart: row,
      rowEnd: row + count,
      rowFormat: 'array',
      compressors,
      utf8: false,
      onComplete: (rows) => {
        found = rows
      },
    })
    const rows = found.map((values) => columns.map((column, i) => valueText(values[i], column)))
    return { rows, end: { row: row + rows.length, offset } }
  } catch (error) {
    if (error instanceof ErasedError) return null
    throw error
  }
}
