import type { ChosenColumn } from '../column.ts'
import { joinSql, type Sql, sql } from '../sql.ts'
import { clockTime } from '../timezone.ts'
import { amountText } from './amount.ts'

/** The SQL expression of a row as a JSON object, without line breaks; each column is there, also when it is null. */
// By hand, because Postgres' own functions take at most 50 keys, or cut names after 63 bytes.
export function jsonRow(columns: readonly ChosenColumn[], timezone: string): Sql {
  const members = columns.map((column, i) => {
    const start = `${i === 0 ? '{' : ','}${JSON.stringify(column.requestedName)}:`
    return sql`${start}, coalesce(${jsonValue(column, timezone)}, 'null')`
  })
  return sql`array_to_string(array[${joinSql(members)}, '}'], '')`
}

function quoted(text: Sql): Sql {
  return sql`'"' || ${text} || '"'`
}

/** An instant as in RFC 3339, in JSON; `infinity` as that word. Offsets of the past that had seconds are cut to minutes, and the clock with them. */
function instantText(instant: Sql, timezone: string): Sql {
  const utc = clockTime(instant, 'Etc/UTC')
  // As JSON it has a T between day and time, decimals only where there are any, and quotes, of which one comes later.
  const begun = (clock: Sql): Sql => sql`left(to_json(${clock})::text, -1)`
  const finite = (text: Sql): Sql =>
    sql`case when isfinite(${instant}) then ${text} else ${quoted(sql`(${instant})::text`)} end`
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
      return quoted(sql`(${value.sql})::text`)
    case 'amount':
      return quoted(amountText(value.sql, value.currency))
    case 'instant':
      return instantText(value.sql, value.zone === 'utc' ? 'Etc/UTC' : timezone)
  }
}
