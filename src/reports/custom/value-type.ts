import { Temporal } from 'temporal-polyfill'
import { z } from 'zod'
import type { ColumnValue } from '../column.ts'
import { instantSchema, invalid, isInCalendar, readable } from '../parameters.ts'
import { type Sql, sql } from '../sql.ts'

export const valueTypeNames = ['string', 'integer', 'decimal', 'timestamp', 'date', 'boolean'] as const
export type ValueTypeName = (typeof valueTypeNames)[number]

/** A Postgres type: its name and the letter of its category in pg_type. */
export type PostgresType = { name: string; category: string }

/** How a value type of parameters and columns maps to Postgres, to input and to output. */
type ValueType = {
  /** The Postgres type of a parameter. */
  sqlType: Sql
  /** Validates an input value and converts it to text for Postgres. */
  schema: z.ZodType<string>
  /** The column value for an SQL expression. */
  column(value: Sql): ColumnValue
  /** True for the Postgres types that a column can have. */
  accepts(type: PostgresType): boolean
  /** How to fix a column of another type. */
  advice: string
}

const maxCharacters = 10_000

const integers = ['int2', 'int4', 'int8']
// Strings, enums, network addresses, and user-defined types, which include uuid and json.
const textCategories = ['S', 'E', 'I', 'U']

export const valueTypes: Record<ValueTypeName, ValueType> = {
  string: {
    sqlType: sql`text`,
    schema: z
      .string({ error: invalid('string.') })
      .max(maxCharacters, { error: `The text is too long; at most ${maxCharacters} characters are allowed.` })
      .refine((value) => value.isWellFormed() && !value.includes('\0'), {
        error: 'The text contains a character that Postgres cannot store: NUL or half of a surrogate pair.',
      }),
    column: (value) => ({ kind: 'text', sql: sql`${value}::text` }),
    accepts: ({ category }) => textCategories.includes(category),
    advice: 'Cast it to text.',
  },
  integer: {
    sqlType: sql`bigint`,
    schema: readable(
      (options) => z.union([z.int(options), z.string(options).regex(/^-?\d{1,19}$/, options)], options),
      (value) => (BigInt.asIntN(64, BigInt(value)) === BigInt(value) ? String(BigInt(value)) : null),
      'integer. Use a whole number of at most 64 bits.',
    ),
    column: (value) => ({ kind: 'integer', sql: value }),
    accepts: ({ name }) => integers.includes(name),
    advice: 'Cast it to bigint, or declare it as decimal.',
  },
  decimal: {
    sqlType: sql`numeric`,
    schema: readable(
      (options) =>
        z.union(
          [z.number(options), z.string(options).regex(/^-?\d{1,100}(\.\d{1,100})?$/, options)],
          options,
        ),
      // A number that JavaScript prints with an exponent is not exact.
      (value) => (/^-?\d+(\.\d+)?$/.test(String(value)) ? String(value) : null),
      'decimal. Use an exact number such as "12.50", without an exponent.',
    ),
    column: (value) => ({ kind: 'decimal', sql: value }),
    accepts: ({ name }) => name === 'numeric' || integers.includes(name),
    advice: 'Cast it to numeric.',
  },
  timestamp: {
    sqlType: sql`timestamptz`,
    schema: instantSchema((instant) => instant.round('microsecond')),
    column: (value) => ({ kind: 'instant', sql: value, zone: 'report' }),
    accepts: ({ name }) => name === 'timestamptz',
    advice: "Convert a timestamp without time zone with: at time zone 'UTC'.",
  },
  date: {
    sqlType: sql`date`,
    schema: readable(
      z.iso.date,
      (value) => (isInCalendar(Temporal.PlainDate.from(value)) ? value : null),
      'date. Use a date such as "2026-09-01".',
    ),
    column: (value) => ({ kind: 'date', sql: value }),
    accepts: ({ name }) => name === 'date',
    advice: 'Cast it to date.',
  },
  boolean: {
    sqlType: sql`boolean`,
    schema: readable(
      (options) => z.union([z.boolean(options), z.enum(['true', 'false'], options)], options),
      String,
      'boolean. Use true or false.',
    ),
    column: (value) => ({ kind: 'boolean', sql: value }),
    accepts: ({ name }) => name === 'bool',
    advice: 'Cast it to boolean, or use a condition.',
  },
}
