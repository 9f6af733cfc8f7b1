import type { SchemaElement } from 'hyparquet-writer'
import type { ColumnValue } from '../../reports/column.ts'

/** A column of the encoder's input. `parquetValue` defines the SQL form of its values. */
export type ParquetColumn = { name: string; kind: ColumnValue['kind'] }

/** A column holds a value that Parquet cannot represent. The message is safe to show. */
export class UnwritableValueError extends Error {
  override readonly name = 'UnwritableValueError'
}

type ColumnType = {
  element: Omit<SchemaElement, 'name'>
  /** Whether the file's metadata has the minimum and maximum of each row group. */
  hasStatistics: boolean
  /**
   * Decodes a value in Postgres's binary form, from `start` to before `end`. Text is a string, or its bytes in UTF-8.
   *
   * @throws UnwritableValueError when the type cannot represent the value
   */
  read(
    bytes: Buffer,
    start: number,
    end: number,
    column: string,
  ): string | Uint8Array | bigint | number | boolean
}

const shortTextBytes = 16
const maxPreviewLength = 60

const text: ColumnType = {
  element: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  // Readers use statistics to skip row groups. For text they are of little use, and would stay in memory to the end.
  hasStatistics: false,
  // A short string needs less memory than a view of its bytes. A long string the writer would encode again, each into a
  // separate buffer.
  read: (bytes, start, end) =>
    end - start <= shortTextBytes ? bytes.toString('utf8', start, end) : bytes.subarray(start, end),
}

/** Reads a decimal as an integer, in units of its last decimal place. */
function decimal(precision: number, scale: number, storage: Omit<SchemaElement, 'name'>): ColumnType {
  const limit = 10n ** BigInt(precision)
  // NaN and infinity do not match. Zeros can follow the last decimal place.
  const pattern = new RegExp(String.raw`^(-?\d+)(?:\.(\d{0,${scale}})0*)?$`)
  return {
    element: {
      ...storage,
      converted_type: 'DECIMAL',
      logical_type: { type: 'DECIMAL', precision, scale },
      precision,
      scale,
    },
    hasStatistics: true,
    read: (bytes, start, end, column) => {
      const value = bytes.toString('latin1', start, end)
      const [, whole, fraction = ''] = pattern.exec(value) ?? []
      if (whole) {
        const unscaled = BigInt(whole + fraction.padEnd(scale, '0'))
        if (unscaled < limit && unscaled > -limit) return unscaled
      }
      throw unwritable(column, value, `DECIMAL(${precision}, ${scale})`)
    },
  }
}

// Postgres counts from the year 2000, Parquet from 1970.
const daysBetween = 10_957
const microsecondsBetween = 946_684_800_000_000n
const infiniteDays = new Set([2 ** 31 - 1, -(2 ** 31)])
const infiniteMicroseconds = new Set([2n ** 63n - 1n, -(2n ** 63n)])

/** How each kind of value is written. Every column is nullable. */
export const columnTypes: Readonly<Record<ColumnValue['kind'], ColumnType>> = {
  text,
  entry: text,
  integer: {
    element: { type: 'INT64' },
    hasStatistics: true,
    read: (bytes, start) => bytes.readBigInt64BE(start),
  },
  boolean: {
    element: { type: 'BOOLEAN' },
    hasStatistics: true,
    read: (bytes, start) => bytes[start] === 1,
  },
  date: {
    element: { type: 'INT32', converted_type: 'DATE', logical_type: { type: 'DATE' } },
    hasStatistics: true,
    read: (bytes, start, _end, column) => {
      const days = bytes.readInt32BE(start)
      if (infiniteDays.has(days)) throw unwritable(column, 'infinity', 'DATE')
      return days + daysBetween
    },
  },
  instant: {
    element: {
      type: 'INT64',
      converted_type: 'TIMESTAMP_MICROS',
      logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
    },
    hasStatistics: true,
    read: (bytes, start, _end, column) => {
      const microseconds = bytes.readBigInt64BE(start)
      if (infiniteMicroseconds.has(microseconds)) throw unwritable(column, 'infinity', 'TIMESTAMP')
      return microseconds + microsecondsBetween
    },
  },
  // Three decimals hold the minor units of every currency, and eighteen digits fit into 64 bits.
  amount: decimal(18, 3, { type: 'INT64' }),
  decimal: decimal(38, 18, { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 16 }),
}

/** @param type Parquet's name for the type of the column */
function unwritable(column: string, value: string, type: string): UnwritableValueError {
  const preview = value.length > maxPreviewLength ? `${value.slice(0, maxPreviewLength)}…` : value
  return new UnwritableValueError(
    `The column ${JSON.stringify(column)} holds ${preview}, which Parquet's ${type} cannot represent. Choose CSV or JSONL, or leave the column out.`,
  )
}
