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
import { keyOfFile } from '../file.ts'
import type { RowReader, RowSource } from './row-reader.ts'

/** Number of bytes in the first read, which must find the footer. The footer of a file with few row groups is shorter. */
const footerBytes = 64 * 1024

class DeletedError extends Error {}

/** Reads rows of Parquet; reads only the row groups that contain them. */
export const readParquetRows: RowReader = async (source, { row, offset }, count) => {
  const file = openBuffer(source)
  try {
    const metadata = await parquetMetadataAsync(file, { initialFetchSize: footerBytes })
    // The first element is the root of the schema.
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
    return found.map((values, index) => ({
      row: columns.map((column, i) => valueText(values[i], column)),
      end: { row: row + index + 1, offset },
    }))
  } catch (error) {
    if (error instanceof DeletedError) return null
    throw error
  }
}

function openBuffer({ storage, file, signal }: RowSource): AsyncBuffer {
  const byteLength = Number(file.byteSize)
  return {
    byteLength,
    slice: async (start, end = byteLength) => {
      signal.throwIfAborted()
      const stream = await storage.read(keyOfFile(file), { start, end })
      if (!stream) throw new DeletedError()
      // A copy, because small buffers share one ArrayBuffer.
      return new Uint8Array(await buffer(stream)).buffer
    },
  }
}

/** Codecs of Node; the reader itself supports Snappy. */
const compressors: Compressors = {
  GZIP: (input) => gunzipSync(input),
  ZSTD: (input) => zstdDecompressSync(input),
}

/** Removes the decimal type from the schema: the reader would convert decimals to numbers, which lose digits. */
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

/** Formats a value as text: instants in UTC, dates without a time, decimals with all digits; null for a missing value. */
function valueText(value: unknown, column: SchemaElement): string | null {
  if (value === null || value === undefined) return null
  const { scale = 0, converted_type, logical_type } = column
  if (isDecimal(column)) {
    return decimalText(value instanceof Uint8Array ? wholeNumber(value) : BigInt(String(value)), scale)
  }
  if (value instanceof Date) {
    const isDay = converted_type === 'DATE' || logical_type?.type === 'DATE'
    return isDay ? value.toISOString().slice(0, 10) : value.toISOString()
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString()
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** Decodes an integer from bytes: two's complement, most significant byte first. */
function wholeNumber(bytes: Uint8Array): bigint {
  return bytes.length === 0
    ? 0n
    : BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes).toString('hex')}`))
}

function decimalText(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  const sign = unscaled < 0n ? '-' : ''
  const point = digits.length - scale
  return `${sign}${digits.slice(0, point)}${scale > 0 ? `.${digits.slice(point)}` : ''}`
}
