import { Temporal } from 'temporal-polyfill'
import { z } from 'zod'
import { isCurrency } from '../ledger/minor-units.ts'
import { reportingCategories } from '../ledger/reporting-categories.ts'
import type { ColumnType } from './column.ts'
import { readTimezone } from './timezone.ts'

/** One parameter of a report type: its description, its validation and its form in GraphQL. */
export type Parameter = {
  type: ColumnType
  description: string
  isRequired: boolean
  isList: boolean
  /** The value that an absent parameter has; null when it has none. */
  defaultValue: string | null
  /** All accepted values; null when they are not a short list. */
  allowedValues: readonly string[] | null
  /** Validates the given value and normalizes it for storage; callers see its messages. */
  schema: z.ZodType<string | readonly string[] | undefined>
}

export type ParameterSet = Readonly<Record<string, Parameter>>

/** A value for use in a message: JSON, truncated to 100 characters. */
export function preview(value: unknown): string {
  const json = JSON.stringify(value) ?? 'nothing'
  return json.length > 100 ? `${json.slice(0, 100)}…` : json
}

/** A Zod error map for a rejected value; `noun` can continue with a sentence about valid values. */
export function invalid(noun: string) {
  return ({ input }: { input?: unknown }) => `${preview(input)} is not a valid ${noun}`
}

/** A schema that passes values accepted by `schema` to `read`, and rejects a value for which `read` returns null. */
export function readable<Given, Kept>(
  schema: (options: { error: z.core.$ZodErrorMap }) => z.ZodType<Given>,
  read: (value: Given) => Kept | null,
  noun: string,
) {
  const error = invalid(noun)
  return schema({ error }).transform((value, context): Kept => {
    const kept = read(value)
    if (kept !== null) return kept
    context.addIssue({ code: 'custom', message: error({ input: value }) })
    return z.NEVER
  })
}

/**
 * Accepts RFC 3339 text or Unix seconds, and writes the rounded instant as RFC 3339 text. Rounding can lead out of the
 * years that Postgres and JavaScript print in the same form, so the rounded instant is checked.
 */
export function instantSchema(round: (instant: Temporal.Instant) => Temporal.Instant) {
  return readable(
    (options) => z.union([z.iso.datetime({ offset: true, ...options }), z.int(options)], options),
    (value) => {
      try {
        const instant = round(
          typeof value === 'number'
            ? Temporal.Instant.fromEpochMilliseconds(value * 1000)
            : Temporal.Instant.from(value),
        )
        return isInCalendar(instant.toZonedDateTimeISO('UTC')) ? instant.toString() : null
      } catch {
        return null
      }
    },
    'timestamp. Use RFC 3339 text such as "2026-09-01T00:00:00Z", or whole Unix seconds.',
  )
}

/** True for years that Postgres and JavaScript print in the same form. */
export function isInCalendar({ year }: { year: number }): boolean {
  return year >= 1 && year <= 9999
}

// Times in the ledger are whole seconds, so rounding up to the next second selects the same rows.
const instant = instantSchema((value) => value.round({ smallestUnit: 'second', roundingMode: 'ceil' }))

/** Defines a parameter, of type STRING by default. Its schema determines `isRequired` and `defaultValue`. */
export function parameter<Schema extends Parameter['schema']>(
  description: string,
  schema: Schema,
  more: Partial<Pick<Parameter, 'type' | 'isList' | 'allowedValues'>> = {},
): Parameter & { schema: Schema } {
  const absent = schema.safeParse(undefined)
  return {
    type: 'STRING',
    isList: false,
    allowedValues: null,
    ...more,
    description,
    schema,
    isRequired: !absent.success,
    defaultValue: typeof absent.data === 'string' ? absent.data : null,
  }
}

/** The exclusive end alone, for reports on the state at one moment. */
export const endOfInterval = {
  interval_end: parameter('Exclusive end of the interval, as RFC 3339 text or Unix seconds.', instant, {
    type: 'TIMESTAMP',
  }),
}

/** Inclusive start and exclusive end. */
export const interval = {
  interval_start: parameter('Inclusive start of the interval, as RFC 3339 text or Unix seconds.', instant, {
    type: 'TIMESTAMP',
  }),
  ...endOfInterval,
}

const invalidPayout = { error: invalid('payout ID. Use one such as "po_1MxF2a".') }

export const payout = {
  payout: parameter(
    'ID of the automatic payout to reconcile.',
    z.string(invalidPayout).regex(/^po_\w{1,250}$/, invalidPayout),
  ),
}

function readCurrency(value: string): string | null {
  const code = value.toLowerCase()
  return isCurrency(code) ? code : null
}

export const currency = {
  currency: parameter(
    'Settlement currency of the rows to include, as an ISO 4217 code or the code of a stablecoin such as usdc; all currencies when omitted.',
    readable(z.string, readCurrency, 'currency. Use a three-letter ISO 4217 code such as "usd".').optional(),
  ),
}

export const timezone = {
  timezone: parameter(
    'IANA name of the timezone of times and dates in the report; it does not affect which rows are included.',
    readable(z.string, readTimezone, 'timezone. Use an IANA name such as "Europe/Berlin".').prefault(
      'Etc/UTC',
    ),
  ),
}

const invalidCategory = { error: invalid('reporting category.') }

export const reportingCategory = {
  reporting_category: parameter(
    'Reporting category of the rows to include; all categories when omitted.',
    // Stripe adds categories. The ledger shows whether the account has one that is not known; see `checkCategory`.
    z
      .string(invalidCategory)
      .regex(/^[a-z][a-z0-9_]{0,99}$/, invalidCategory)
      .meta({ enum: [...reportingCategories] })
      .optional(),
    { allowedValues: reportingCategories },
  ),
}

const separators = ['.', ','] as const

export const decimalSeparator = {
  decimal_separator: parameter(
    'Decimal separator in CSV files; other formats always use a point.',
    z.enum(separators, { error: invalid('decimal separator. Use "." or ",".') }).default('.'),
    { allowedValues: separators },
  ),
}

/** Enough for every column and many metadata keys. Postgres allows at most 1664. */
const maxColumns = 250

/** The schema checks only the form; `checkParameters` checks the names and fills in the type's default columns. */
export const columns = {
  columns: parameter(
    "Columns to include, in this order; the type's default columns when omitted.",
    z
      .array(z.string({ error: invalid('column name.') }), { error: invalid('list of column names.') })
      .min(1, {
        error:
          'The list of columns is empty. Name at least one column, or omit the list to get the default columns.',
      })
      .max(maxColumns, {
        error: ({ input }) =>
          `The list has ${Array.isArray(input) ? input.length : 0} columns; at most ${maxColumns} are allowed.`,
      })
      .optional(),
    { isList: true },
  ),
}

/** The parameters of itemized reports with times in UTC only. */
export const itemizedInUtc = {
  ...interval,
  ...currency,
  ...reportingCategory,
  ...decimalSeparator,
  ...columns,
}

/** The parameters of itemized reports with times in a timezone, in the order in which they are listed. */
export const itemizedInTimezone = { ...interval, ...timezone, ...itemizedInUtc }
