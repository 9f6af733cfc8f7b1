import { type Sql, sql } from './sql.ts'

export type ColumnType = 'STRING' | 'INTEGER' | 'DECIMAL' | 'TIMESTAMP' | 'DATE' | 'BOOLEAN'

/** How a column's value is computed; the kind determines how it is written. */
export type ColumnValue =
  | PlainValue
  /** The value of one key of a JSON object; the request names the key: `payment_metadata[order_id]`. */
  | { kind: 'entry'; object: Sql }

/** A value that does not depend on a key in the requested name. */
export type PlainValue =
  | { kind: 'text'; sql: Sql }
  | { kind: 'integer'; sql: Sql }
  | { kind: 'boolean'; sql: Sql }
  /** An exact number that is not an amount of money. */
  | { kind: 'decimal'; sql: Sql }
  /** A calendar date without a timezone. */
  | { kind: 'date'; sql: Sql }
  /** An integer in minor units, and the currency that determines its number of decimals. */
  | { kind: 'amount'; sql: Sql; currency: Sql }
  /** An instant, printed in the report's timezone or in UTC. */
  | { kind: 'instant'; sql: Sql; zone: 'report' | 'utc' }

export type ReportColumn = {
  name: string
  description: string
  isDefault: boolean
  value: ColumnValue
}

const columnTypes = {
  text: 'STRING',
  integer: 'INTEGER',
  boolean: 'BOOLEAN',
  decimal: 'DECIMAL',
  date: 'DATE',
  amount: 'DECIMAL',
  instant: 'TIMESTAMP',
  entry: 'STRING',
} as const satisfies Record<ColumnValue['kind'], ColumnType>

export function columnType({ value }: { value: Pick<ColumnValue, 'kind'> }): ColumnType {
  return columnTypes[value.kind]
}

/** A column of the result: a column of the type under its requested name. */
export type ChosenColumn = ReportColumn & { requestedName: string; value: PlainValue }

/**
 * Allowed keys, as a pattern for the flag `u`: no brackets, no control characters, and no halves of surrogate pairs,
 * which Postgres cannot store. JSON Schema has no Unicode classes, so the pattern spells out the ranges.
 */
export const entryKeyPattern = '[^\\[\\]\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]{1,100}'
const requestedColumn = new RegExp(`^([a-z0-9_]+)(?:\\[(${entryKeyPattern})\\])?$`, 'u')

/** Finds the column for `name` or `name[key]`; null when the type has no such column. */
export function chooseColumn(columns: readonly ReportColumn[], requestedName: string): ChosenColumn | null {
  const [, name, key] = requestedColumn.exec(requestedName) ?? []
  const column = columns.find((candidate) => candidate.name === name || candidate.name === `${name}[key]`)
  if (!column || (column.value.kind === 'entry') !== (key !== undefined)) return null
  const value: PlainValue =
    column.value.kind === 'entry'
      ? { kind: 'text', sql: sql`(${column.value.object} ->> ${key})` }
      : column.value
  return { ...column, value, requestedName }
}
