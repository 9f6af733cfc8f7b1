import type { ChosenColumn } from '../column.ts'
import { type Sql, sql } from '../sql.ts'
import { amountText } from './amount.ts'

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
