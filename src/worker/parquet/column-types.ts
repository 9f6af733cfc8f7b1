import type { SchemaElement } from 'hyparquet-writer'
import type { ColumnValue } from '../../reports/column.ts'

/** A column as the encoder gets it. Its values come in the form that `parquetValue` gives them in SQL. */
export type ParquetColumn = { name: string; kind: ColumnValue['kind'] }

/** A column holds a value that a Parquet file has no place for. The message is safe to show. */
export class UnwritableValueError extends Error {
  override readonly name = 'UnwritableValueError'
}

type ColumnType = {
  element: Omit<SchemaElement, 'name'>
  /** Whether the end of the file has the least and the greatest value of each row group. */
  hasStatistics: boolean
  /**
   * Reads a value from Postgres' binary form, at `start` to `end`; refuses what the type cannot hold. Text is a string or its
   * bytes in UTF-8.
   */
  read(
    bytes: Buffer,
    start: number,
    end: number,
    column: string,
  ): string | Uint8Array | bigint | number | boolean
}

/** Bytes. */
const shortText = 16
const maxPreviewLength = 60

const text: ColumnType = {
  element: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  // Readers skip row groups by them. Of texts they say little, and would have to be kept whole until the file ends.
  hasStatistics: false,
  // A string takes less than a view of the bytes as long as it is short. Of a longer one the writer would make bytes again,
  // each in memory of its own.
  read: (bytes, start, end) =>
    end - start <= shortText ? bytes.toString('utf8', start, end) : bytes.subarray(start, end),
}

/** Reads a decimal as an integer, in units of its last place. */
function decimal(precision: number, scale: number, storage: Omit<SchemaElement, 'name'>): ColumnType {
  const limit = 10n ** BigInt(precision)
  // Neither NaN nor an infinity has a digit; zeros may follow the last place.
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

/** How each kind of value is written; all may be null. */
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

/** @param type what Parquet calls the type of the column */
function unwritable(column: string, value: string, type: string): UnwritableValueError {
  const preview = value.length > maxPreviewLength ? `${value.slice(0, maxPreviewLength)}…` : value
  return new UnwritableValueError(
    `The column ${JSON.stringify(column)} holds ${preview}, and Parquet's ${type} has no place for it. Ask for CSV or JSONL, or leave the column out.`,
  )
}
