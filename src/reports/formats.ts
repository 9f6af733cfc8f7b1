import { currenciesWithoutDecimals, currenciesWithThreeDecimals } from '../ledger/minor-units.ts'
import type { ChosenColumn } from './column.ts'
import { joinSql, type Sql, sql } from './sql.ts'
import { clockTime } from './timezone.ts'

type CsvStyle = { timezone: string; decimalSeparator: string }

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
  return `${columns.map(({ requestedName }) => `"${requestedName.replaceAll('"', '""')}"`).join(',')}\n`
}

/** The SQL expression of a row as a JSON object, without line breaks; each column is there, also when it is null. */
// By hand, because Postgres' own functions take at most 50 keys, or cut names after 63 bytes.
export function jsonRow(columns: readonly ChosenColumn[], timezone: string): Sql {
  const members = columns.map((column, i) => {
    const start = `${i === 0 ? '{' : ','}${JSON.stringify(column.requestedName)}:`
    return sql`${start}, coalesce(${jsonValue(column, timezone)}, 'null')`
  })
  return sql`array_to_string(array[${joinSql(members)}, '}'], '')`
}

/**
 * The SQL expression of a column as the writer of Parquet files reads it from Postgres: of a type whose binary form is
 * plain, or as text.
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
      // Never with an exponent, whatever type it has.
      return sql`(${value.sql})::numeric::text`
    case 'amount':
      return amountText(value.sql, value.currency)
    case 'instant':
      return sql`(${value.sql})::timestamptz`
  }
}

/** An amount in minor units as text in major units, with as many decimals as its currency has. */
// Multiplied, not divided: numeric multiplication keeps exactly the factor's decimals.
function amountText(amount: Sql, currency: Sql): Sql {
  return sql`(${amount} * case
  when ${currency} in (${joinSql(currenciesWithoutDecimals)}) then 1
  when ${currency} in (${joinSql(currenciesWithThreeDecimals)}) then 0.001
  else 0.01 end)::text`
}

function guardedText(text: Sql): Sql {
  return sql`case when ascii(${text}) in (${formulaStarts}) then '''' || ${text} else nullif(${text}, '') end`
}

function separated(text: Sql, separator: string): Sql {
  return separator === '.' ? text : sql`replace(${text}, '.', ${separator})`
}

function jsonString(text: Sql): Sql {
  return sql`'"' || ${text} || '"'`
}

/** An instant as in RFC 3339, in JSON; `infinity` as that word. Offsets of the past that had seconds are cut to minutes, and the clock with them. */
function instantText(instant: Sql, timezone: string): Sql {
  const utc = clockTime(instant, 'Etc/UTC')
  // As JSON it has a T between day and time, decimals only where there are any, and quotes, of which one comes later.
  const begun = (clock: Sql): Sql => sql`left(to_json(${clock})::text, -1)`
  const finite = (text: Sql): Sql =>
    sql`case when isfinite(${instant}) then ${text} else ${jsonString(sql`(${instant})::text`)} end`
  if (timezone === 'Etc/UTC') return finite(sql`${begun(utc)} || 'Z"'`)
  const offset = sql`date_trunc('minute', ${clockTime(instant, timezone)} - ${utc})`
  const ahead = sql`'+' || left((time '00:00' + ${offset})::text, 5)`
  const behind = sql`'-' || left((time '00:00' - ${offset})::text, 5)`
  return finite(
    sql`${begun(sql`(${utc} + ${offset})`)} || case when ${offset} < interval '0' then ${behind} else ${ahead} end || '"'`,
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
