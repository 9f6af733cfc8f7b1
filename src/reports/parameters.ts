import { Temporal } from 'temporal-polyfill'
import { z } from 'zod'
import type { ColumnType } from './column.ts'
import { reportingCategories } from './reporting-categories.ts'
import { readTimezone } from './timezone.ts'

/** One parameter of a report type: how it is described, checked and offered over GraphQL. */
export type Parameter = {
  type: ColumnType
  description: string
  isRequired: boolean
  isList: boolean
  /** Used when the parameter is absent. */
  defaultValue: string | null
  /** What is accepted, when that is a short list. */
  allowedValues: readonly string[] | null
  /** Turns what was given into what is kept; its messages are shown to the caller. */
  schema: z.ZodType<string | readonly string[] | undefined>
}

export type ParameterSet = Readonly<Record<string, Parameter>>

/** A value in a message: as JSON, cut when it is long. */
export function preview(value: unknown): string {
  const json = JSON.stringify(value) ?? 'nothing'
  return json.length > 100 ? `${json.slice(0, 100)}…` : json
}

/** A message of Zod's for a value that is refused. */
export function invalid(what: string) {
  return ({ input }: { input?: unknown }) => `${preview(input)} is no ${what}`
}

/** What `read` gives for a value that `schema` accepts; it refuses any other value, and those that `read` gives null for. */
export function readable<Given, Kept>(
  schema: (options: { error: z.core.$ZodErrorMap }) => z.ZodType<Given>,
  read: (value: Given) => Kept | null,
  what: string,
) {
  const error = invalid(what)
  return schema({ error }).transform((value, context): Kept => {
    const kept = read(value)
    if (kept !== null) return kept
    context.addIssue({ code: 'custom', message: error({ input: value }) })
    return z.NEVER
  })
}

/** RFC 3339 text or Unix seconds; `write` gives null, or throws a RangeError, for an instant that it refuses. */
export function instantSchema(write: (instant: Temporal.Instant) => string | null) {
  return readable(
    (options) => z.union([z.iso.datetime({ offset: true, ...options }), z.int(options)], options),
    (value) => {
      try {
        return write(
          typeof value === 'number'
            ? Temporal.Instant.fromEpochMilliseconds(value * 1000)
            : Temporal.Instant.from(value),
        )
      } catch {
        return null
      }
    },
    'instant. Give RFC 3339 text such as "2026-09-01T00:00:00Z", or whole seconds since 1970.',
  )
}

// The ledger's times are whole seconds, so the next whole second bounds the same rows.
const instant = instantSchema((value) =>
  value.round({ smallestUnit: 'second', roundingMode: 'ceil' }).toString(),
)

/** A parameter that takes text, unless `more` says otherwise. What holds when it is absent follows from its schema. */
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

/** Exclusive end of the data to cover, for a report on all that came before. */
export const endOfInterval = {
  interval_end: parameter('Exclusive end of the data to cover, as RFC 3339 text or Unix seconds.', instant, {
    type: 'TIMESTAMP',
  }),
}

/** Inclusive start and exclusive end of the data to cover. */
export const interval = {
  interval_start: parameter(
    'Inclusive start of the data to cover, as RFC 3339 text or Unix seconds.',
    instant,
    { type: 'TIMESTAMP' },
  ),
  ...endOfInterval,
}

const noPayoutId = { error: invalid('id of a payout. Give one such as "po_1MxF2a".') }

/** One automatic payout. */
export const payout = {
  payout: parameter(
    'Id of the automatic payout whose balance transactions to cover.',
    z.string(noPayoutId).regex(/^po_\w{1,250}$/, noPayoutId),
  ),
}

const currencies = new Set(Intl.supportedValuesOf('currency').map((code) => code.toLowerCase()))

function readCurrency(value: string): string | null {
  const code = value.toLowerCase()
  return currencies.has(code) ? code : null
}

export const currency = {
  currency: parameter(
    'Three-letter ISO 4217 code of the settlement currency to keep; all currencies when absent.',
    readable(z.string, readCurrency, 'currency. Give a three-letter ISO 4217 code such as "usd".').optional(),
  ),
}

export const timezone = {
  timezone: parameter(
    'IANA name of the timezone in which times and dates are printed; it never changes which rows are selected.',
    readable(z.string, readTimezone, 'timezone. Give an IANA name such as "Europe/Berlin".').prefault(
      'Etc/UTC',
    ),
  ),
}

export const reportingCategory = {
  reporting_category: parameter(
    'Reporting category of the rows to keep; all categories when absent.',
    z.enum(reportingCategories, { error: invalid('reporting category.') }).optional(),
    { allowedValues: reportingCategories },
  ),
}

const separators = ['.', ','] as const

export const decimalSeparator = {
  decimal_separator: parameter(
    'Character between the whole and the fractional part of an amount.',
    z.enum(separators, { error: invalid('decimal separator. Give "." or ",".') }).default('.'),
    { allowedValues: separators },
  ),
}

/** Enough for every column with some metadata; Postgres itself stops at 1664. */
const maxColumns = 250

/** Which columns, in which order. Their names are checked against the type's, and its defaults filled in, later. */
export const columns = {
  columns: parameter(
    "Columns to write, in this order; the type's default columns when absent.",
    z
      .array(z.string({ error: invalid('column name.') }), { error: invalid('list of column names.') })
      .min(1, {
        error: 'The list of columns is empty. Name at least one, or leave it out for the default columns.',
      })
      .max(maxColumns, {
        error: ({ input }) =>
          `${Array.isArray(input) ? input.length : 0} columns are too many: at most ${maxColumns} are written.`,
      })
      .optional(),
    { isList: true },
  ),
}

/** Of itemized reports that give times in UTC alone. */
export const itemizedInUtc = {
  ...interval,
  ...currency,
  ...reportingCategory,
  ...decimalSeparator,
  ...columns,
}

/** Of itemized reports that give times in a timezone as well. */
// In the order in which they are listed.
export const itemizedInTimezone = { ...interval, ...timezone, ...itemizedInUtc }
