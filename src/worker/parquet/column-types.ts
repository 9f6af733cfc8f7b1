import type { SchemaElement } from 'hyparquet-writer'
import type { ColumnValue } from '../../reports/column.ts'
import { unwritable } from './unwritable-value.ts'

/** A column as the encoder gets it. Its values come in the form that `parquetValue` gives them in SQL. */
export type ParquetColumn = { name: string; kind: ColumnValue['kind'] }

export type ParquetValue = string | bigint | number | boolean | null

type ColumnType = {
  element: Omit<SchemaElement, 'name'>
  /** Reads a value from Postgres' binary form; refuses what the type cannot hold. */
  read(bytes: Buffer, column: string): ParquetValue
}

const text: ColumnType = {
  element: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  read: (bytes) => bytes.toString(),
}

/** Reads a decimal as an integer, in units of its last place. */
const decimal = (precision: number, scale: number, storage: Omit<SchemaElement, 'name'>): ColumnType => {
  const limit = 10n ** BigInt(precision)
  return {
    element: {
      ...storage,
      converted_type: 'DECIMAL',
      logical_type: { type: 'DECIMAL', precision, scale },
      precision,
      scale,
    },
    read: (bytes, column) => {
      const value = bytes.toString('latin1')
      const [whole = '', fraction = ''] = value.split('.')
      // Neither NaN nor an infinity has a digit.
      if (/\d/.test(whole) && !/[^0]/.test(fraction.slice(scale))) {
        const unscaled = BigInt(whole + fraction.slice(0, scale).padEnd(scale, '0'))
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
  integer: { element: { type: 'INT64' }, read: (bytes) => bytes.readBigInt64BE() },
  boolean: { element: { type: 'BOOLEAN' }, read: (bytes) => bytes[0] === 1 },
  date: {
    element: { type: 'INT32', converted_type: 'DATE', logical_type: { type: 'DATE' } },
    read: (bytes, column) => {
      const days = bytes.readInt32BE()
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
    read: (bytes, column) => {
      const microseconds = bytes.readBigInt64BE()
      if (infiniteMicroseconds.has(microseconds)) throw unwritable(column, 'infinity', 'TIMESTAMP')
      return microseconds + microsecondsBetween
    },
  },
  // Three decimals hold the minor units of every currency, and eighteen digits fit into 64 bits.
  amount: decimal(18, 3, { type: 'INT64' }),
  decimal: decimal(38, 18, { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 16 }),
}
