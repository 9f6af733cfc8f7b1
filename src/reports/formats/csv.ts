import type { ChosenColumn } from '../column.ts'
import { type Sql, sql } from '../sql.ts'
import { clockTime } from '../timezone.ts'
import { amountText } from './amount.ts'

export type CsvStyle = { timezone: string; decimalSeparator: string }

// A spreadsheet runs a cell that starts with = + - @ (or the wide forms of East Asian keyboards), tab or a line break
// as a formula; an apostrophe stops it. The test is by code because it is three times cheaper than a pattern.
const formulaStarts = sql`61, 43, 45, 64, 65309, 65291, 65293, 65312, 9, 10, 13`

/** The SQL expression of a column as it stands in a CSV file; null, as empty text, becomes an empty, unquoted field. */
export function csvValue({ value }: ChosenColumn, { timezone, decimalSeparator }: CsvStyle): Sql {
  switch (value.kind) {
    case 'text':
      return guardedText(value.sql)
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

/** First line of a CSV file, quoted as every value is. */
export function csvHeader(columns: readonly ChosenColumn[]): string {
  return `${columns.map((column) => quoted(column.requestedName)).join(',')}\n`
}

function guardedText(text: Sql): Sql {
  return sql`case when ascii(${text}) in (${formulaStarts}) then '''' || ${text} else nullif(${text}, '') end`
}

function separated(text: Sql, separator: string): Sql {
  return separator === '.' ? text : sql`replace(${text}, '.', ${separator})`
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
