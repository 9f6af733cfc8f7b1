import { currenciesWithoutDecimals, currenciesWithThreeDecimals } from '../ledger/minor-units.ts'
import { joinSql, type Sql, sql } from './sql.ts'
import { clockTime } from './timezone.ts'

export type ColumnType = 'STRING' | 'INTEGER' | 'DECIMAL' | 'TIMESTAMP' | 'DATE' | 'BOOLEAN'

/** How a column's value is computed, and with that how it is written. */
export type ColumnValue =
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
  /** One key of a JSON object; the caller names the key: `payment_metadata[order_id]`. */
  | { kind: 'entry'; object: Sql }

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

export const columnType = ({ value }: ReportColumn): ColumnType => columnTypes[value.kind]

/** A column of the result: one of the type's, under the name that was asked for. */
export type ChosenColumn = ReportColumn & { requestedName: string; key: string | null }

/**
 * The keys that may be named, as a pattern for the flag `u`: no brackets, and neither control characters nor halves of
 * surrogate pairs, which Postgres cannot hold. JSON Schema has no Unicode classes, so they are spelt out.
 */
export const entryKeyPattern = '[^\\[\\]\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]{1,100}'
const requestedColumn = new RegExp(`^([a-z0-9_]+)(?:\\[(${entryKeyPattern})\\])?$`, 'u')

/** Reads `name` or `name[key]` against a type's columns; null when there is no such column. */
export const chooseColumn = (
  columns: readonly ReportColumn[],
  requestedName: string,
): ChosenColumn | null => {
  const [, name, key] = requestedColumn.exec(requestedName) ?? []
  const column = columns.find((candidate) => candidate.name === name || candidate.name === `${name}[key]`)
  if (!column || (column.value.kind === 'entry') !== (key !== undefined)) return null
  return { ...column, requestedName, key: key ?? null }
}

const withoutDecimals = joinSql(currenciesWithoutDecimals)
const withThreeDecimals = joinSql(currenciesWithThreeDecimals)

// Multiplied, not divided: numeric multiplication keeps exactly the factor's decimals.
const amountText = (amount: Sql, currency: Sql): Sql => sql`(${amount} * case
  when ${currency} in (${withoutDecimals}) then 1
  when ${currency} in (${withThreeDecimals}) then 0.001
  else 0.01 end)::text`

// A spreadsheet runs a cell that starts with = + - @ (or the wide forms of East Asian keyboards), tab or a line break
// as a formula; an apostrophe stops it. The test is by code because it is three times cheaper than a pattern.
const formulaStarts = sql`61, 43, 45, 64, 65309, 65291, 65293, 65312, 9, 10, 13`
const guardedText = (text: Sql): Sql =>
  sql`case when ascii(${text}) in (${formulaStarts}) then '''' || ${text} else nullif(${text}, '') end`

const separated = (text: Sql, separator: string): Sql =>
  separator === '.' ? text : sql`replace(${text}, '.', ${separator})`

export type ValueFormat = { timezone: string; decimalSeparator: string }

/** The SQL expression of a column as it stands in the file; null, as empty text, becomes an empty, unquoted field. */
export const columnText = (
  { value, key }: ChosenColumn,
  { timezone, decimalSeparator }: ValueFormat,
): Sql => {
  switch (value.kind) {
    case 'text':
      return guardedText(value.sql)
    case 'entry':
      return guardedText(sql`(${value.object} ->> ${key ?? ''})`)
    case 'integer':
    case 'boolean':
    case 'date':
      return sql`(${value.sql})::text`
    case 'decimal':
      return separated(sql`(${value.sql})::text`, decimalSeparator)
    case 'amount':
      return separated(amountText(value.sql, value.currency), decimalSeparator)
    case 'instant':
      return sql`date_trunc('second', ${clockTime(value.sql, value.zone === 'utc' ? 'Etc/UTC' : timezone)})::text`
  }
}
