import { currenciesWithoutDecimals, currenciesWithThreeDecimals } from '../ledger/minor-units.ts'
import type { ChosenColumn } from './column.ts'
import { joinSql, type Sql, sql } from './sql.ts'
import { clockTime } from './timezone.ts'

type CsvStyle = { timezone: string; decimalSeparator: string }

// A spreadsheet runs a cell as a formula if it starts with = + - @ (or their full-width forms), a tab or a line break.
// A leading apostrophe prevents that. Comparing character codes is three times cheaper than matching a pattern.
const formulaStarts = sql`61, 43, 45, 64, 65309, 65291, 65293, 65312, 9, 10, 13`

/** The SQL expression of a column's value in a CSV file; null and empty text become an empty field without quotes. */
// COPY writes a value as a cast to text does, except for a boolean. A cast would make the text twice.
export function csvValue({ value }: ChosenColumn, { timezone, decimalSeparator }: CsvStyle): Sql {
  switch (value.kind) {
    case 'text':
      return guardedText(value.sql)
    case 'boolean':
      return sql`(${value.sql})::text`
    case 'integer':
    case 'date':
      return sql`(${value.sql})`
    case 'decimal':
      return separated(value.sql, decimalSeparator)
    case 'amount':
      return separated(majorUnits(value.sql, value.currency), decimalSeparator)
    case 'instant':
      return sql`date_trunc('second', ${clockTime(value.sql, value.zone === 'utc' ? 'Etc/UTC' : timezone)})`
  }
}

/** The first line of a CSV file, quoted like every value. */
export function csvHeader(columns: readonly ChosenColumn[]): string {
  return `${columns.map(({ requestedName }) => `"${requestedName.replaceAll('"', '""')}"`).join(',')}\n`
}

/** The SQL expression of a row as a JSON object without line breaks; null columns are included. */
// Postgres's JSON functions take at most 50 keys or cut names after 63 bytes.
export function jsonRow(columns: readonly ChosenColumn[], timezone: string): Sql {
  const members = columns.map((column, i) => {
    const start = `${i === 0 ? '{' : ','}${JSON.stringify(column.requestedName)}:`
    return sql`${start}, coalesce(${jsonValue(column, timezone)}, 'null')`
  })
  return sql`array_to_string(array[${joinSql(members)}, '}'], '')`
}

/**
 * The SQL expression of a column's value as the Parquet encoder reads it: of a type with a simple binary form, or text.
 */
export function parquetValue({ value }: ChosenColumn): Sql {
  switch (value.kind) {
    case 'text':
      return sql`(${value.sql})::text`
    case 'integer':
      return sql`(${value.sql})::bigint`
    case 'boolean':
      return sql`(${value.sql})::boolean`
    case 'date':
      return sql`(${value.sql})::date`
    case 'decimal':
      // The text of a numeric never has an exponent.
      return sql`(${value.sql})::numeric::text`
    case 'amount':
      return amountText(value.sql, value.currency)
    case 'instant':
      return sql`(${value.sql})::timestamptz`
  }
}

/** Converts an amount in minor units to a numeric in major units, with the number of decimals of its currency. */
// Multiplies instead of dividing: numeric multiplication keeps exactly the factor's decimals. Almost every currency has two
// decimals, which one search in a list of constants finds out. With the casts to text that CSV does without, a report of three
// amounts and two times costs Postgres 0.85 of the CPU time.
function majorUnits(amount: Sql, currency: Sql): Sql {
  return sql`((${amount}) * case
  when ${currency} in (${joinSql([...currenciesWithoutDecimals, ...currenciesWithThreeDecimals])})
  then case when ${currency} in (${joinSql(currenciesWithThreeDecimals)}) then 0.001 else 1 end
  else 0.01 end)`
}

function amountText(amount: Sql, currency: Sql): Sql {
  return sql`${majorUnits(amount, currency)}::text`
}

function guardedText(text: Sql): Sql {
  return sql`case when ascii(${text}) in (${formulaStarts}) then '''' || ${text} else nullif(${text}, '') end`
}

function separated(number: Sql, separator: string): Sql {
  return separator === '.' ? sql`(${number})` : sql`replace((${number})::text, '.', ${separator})`
}

function jsonString(text: Sql): Sql {
  return sql`'"' || ${text} || '"'`
}

/**
 * An instant as a JSON string in RFC 3339 form, or `infinity` or `-infinity`. Historical offsets with seconds are
 * truncated to minutes, and the local time is adjusted to match.
 */
function instantText(instant: Sql, timezone: string): Sql {
  const utc = clockTime(instant, 'Etc/UTC')
  // JSON text has a T between date and time, and decimals only if needed. The closing quote is added after the offset.
  const openString = (clock: Sql): Sql => sql`left(to_json(${clock})::text, -1)`
  const finite = (text: Sql): Sql =>
    sql`case when isfinite(${instant}) then ${text} else ${jsonString(sql`(${instant})::text`)} end`
  if (timezone === 'Etc/UTC') return finite(sql`${openString(utc)} || 'Z"'`)
  const offset = sql`date_trunc('minute', ${clockTime(instant, timezone)} - ${utc})`
  const ahead = sql`'+' || left((time '00:00' + ${offset})::text, 5)`
  const behind = sql`'-' || left((time '00:00' - ${offset})::text, 5)`
  return finite(
    sql`${openString(sql`(${utc} + ${offset})`)} || case when ${offset} < interval '0' then ${behind} else ${ahead} end || '"'`,
  )
}

/** The SQL expression of a column as JSON text, or null. */
function jsonValue({ value }: ChosenColumn, timezone: string): Sql {
  switch (value.kind) {
    case 'text':
      return sql`to_json((${value.sql})::text)::text`
    case 'integer':
    case 'boolean':
      return sql`(${value.sql})::text`
    case 'decimal':
    case 'date':
      return jsonString(sql`(${value.sql})::text`)
    case 'amount':
      return jsonString(amountText(value.sql, value.currency))
    case 'instant':
      return instantText(value.sql, value.zone === 'utc' ? 'Etc/UTC' : timezone)
  }
}
