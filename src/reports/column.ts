import { type Sql, sql } from './sql.ts'

export type ColumnType = 'STRING' | 'INTEGER' | 'DECIMAL' | 'TIMESTAMP' | 'DATE' | 'BOOLEAN'

/** How a column's value is computed, and with that how it is written. */
export type ColumnValue =
  | PlainValue
  /** One key of a JSON object; the caller names the key: `payment_metadata[order_id]`. */
  | { kind: 'entry'; object: Sql }

/** A value that does not depend on the name that was asked for. */
export type PlainValue =
  | { kind: 'text'; sql: Sql }
  | { kind: 'integer'; sql: Sql }
  | { kind: 'boolean'; sql: Sql }
  /** An exact number that is no amount of money. */
  | { kind: 'decimal'; sql: Sql }
  /** A day of the calendar, wherever it is. */
  | { kind: 'date'; sql: Sql }
  /** An integer in minor units, and the currency that says how many decimals it has. */
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

/** A column of the result: one of the type's, under the name that was asked for. */
export type ChosenColumn = ReportColumn & { requestedName: string; value: PlainValue }

/**
 * The keys that may be named, as a pattern for the flag `u`: no brackets, and neither control characters nor halves of
 * surrogate pairs, which Postgres cannot hold. JSON Schema has no Unicode classes, so they are spelt out.
 */
export const entryKeyPattern = '[^\\[\\]\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]{1,100}'
const requestedColumn = new RegExp(`^([a-z0-9_]+)(?:\\[(${entryKeyPattern})\\])?$`, 'u')

/** Reads `name` or `name[key]` against a type's columns; null when there is no such column. */
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
