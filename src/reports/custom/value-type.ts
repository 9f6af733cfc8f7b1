import { Temporal } from 'temporal-polyfill'
import { z } from 'zod'
import type { ColumnValue } from '../column.ts'
import { instantSchema, invalid, readable } from '../parameters.ts'
import { type Sql, sql } from '../sql.ts'

export const valueTypeNames = ['string', 'integer', 'decimal', 'timestamp', 'date', 'boolean'] as const
export type ValueTypeName = (typeof valueTypeNames)[number]

/** A type as Postgres describes it: its name, and the letter of its category in pg_type. */
export type PostgresType = { name: string; category: string }

/** What a parameter or a column of a type is, to the catalogue, to callers and to Postgres. */
type ValueType = {
  /** Postgres's type of a parameter. */
  sqlType: Sql
  /** Reads what a caller gives into text that Postgres reads. */
  schema: z.ZodType<string>
  /** How a column is written, by the expression for it. */
  column(value: Sql): ColumnValue
  /** True for the types of Postgres that a column may have. */
  accepts(type: PostgresType): boolean
  /** What to do about one of another type. */
  advice: string
}

const maxCharacters = 10_000

const integers = ['int2', 'int4', 'int8']
// Strings, enums, addresses, and what is none of the others, as uuid and json.
const textCategories = ['S', 'E', 'I', 'U']

export const valueTypes: Record<ValueTypeName, ValueType> = {
  string: {
    sqlType: sql`text`,
    schema: z
      .string({ error: invalid('text.') })
      .max(maxCharacters, { error: `The text is too long: at most ${maxCharacters} characters are allowed.` })
      .refine((value) => value.isWellFormed() && !value.includes('\0'), {
        error: 'The text holds a character that Postgres cannot hold: NUL, or half of a surrogate pair.',
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
      'whole number of at most 64 bits.',
    ),
    column: (value) => ({ kind: 'integer', sql: value }),
    accepts: ({ name }) => integers.includes(name),
    advice: 'Cast it to bigint, or say that it is a decimal.',
  },
  decimal: {
    sqlType: sql`numeric`,
    schema: readable(
      (options) =>
        z.union(
          [z.number(options), z.string(options).regex(/^-?\d{1,100}(\.\d{1,100})?$/, options)],
          options,
        ),
      // A number that JavaScript writes with an exponent is no exact one any more.
      (value) => (/^-?\d+(\.\d+)?$/.test(String(value)) ? String(value) : null),
      'exact decimal such as "12.50".',
    ),
    column: (value) => ({ kind: 'decimal', sql: value }),
    accepts: ({ name }) => name === 'numeric' || integers.includes(name),
    advice: 'Cast it to numeric.',
  },
  timestamp: {
    sqlType: sql`timestamptz`,
    schema: instantSchema((instant) =>
      isInCalendar(instant.toZonedDateTimeISO('UTC')) ? instant.round('microsecond').toString() : null,
    ),
    column: (value) => ({ kind: 'instant', sql: value, zone: 'report' }),
    accepts: ({ name }) => name === 'timestamptz',
    advice: "A timestamp without a zone becomes one by: at time zone 'UTC'.",
  },
  date: {
    sqlType: sql`date`,
    schema: readable(
      z.iso.date,
      (value) => (isInCalendar(Temporal.PlainDate.from(value)) ? value : null),
      'date such as "2026-09-01".',
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
      'truth value. Give true or false.',
    ),
    column: (value) => ({ kind: 'boolean', sql: value }),
    accepts: ({ name }) => name === 'bool',
    advice: 'Compare it with something.',
  },
}

/** From the first to the last day that Postgres and JavaScript write alike. */
function isInCalendar({ year }: { year: number }): boolean {
  return year >= 1 && year <= 9999
}
