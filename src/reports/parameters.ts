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
export function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? 'nothing'
  return json.length > 100 ? `${json.slice(0, 100)}…` : json
}

type Problem = (value: unknown) => string

/** What `read` gives for a value that `schema` accepts; anything else, and null, is the problem. */
export function readable<Given, Kept>(
  schema: (error: z.core.$ZodErrorMap) => z.ZodType<Given>,
  read: (value: Given) => Kept | null,
  problem: Problem,
) {
  return schema(({ input }) => problem(input)).transform((value, context): Kept => {
    const kept = read(value)
    if (kept !== null) return kept
    context.addIssue({ code: 'custom', message: problem(value) })
    return z.NEVER
  })
}

// The ledger's times are whole seconds, so the next whole second bounds the same rows.
function readInstant(value: string | number): string | null {
  try {
    const read =
      typeof value === 'number'
        ? Temporal.Instant.fromEpochMilliseconds(value * 1000)
        : Temporal.Instant.from(value)
    return read.round({ smallestUnit: 'second', roundingMode: 'ceil' }).toString()
  } catch {
    return null
  }
}

const instant = readable(
  (error) => z.union([z.iso.datetime({ offset: true, error }), z.int({ error })], { error }),
  readInstant,
  (value) =>
    `${shown(value)} is no instant. Give RFC 3339 text such as "2026-09-01T00:00:00Z", or whole seconds since 1970.`,
)

const currencies = new Set(Intl.supportedValuesOf('currency').map((code) => code.toLowerCase()))

function readCurrency(value: string): string | null {
  const code = value.toLowerCase()
  return currencies.has(code) ? code : null
}

const optional = { isRequired: false, isList: false, defaultValue: null, allowedValues: null } as const
const required = { ...optional, isRequired: true } as const

/** Exclusive end of the data to cover, for a report on all that came before. */
export const endOfInterval = {
  interval_end: {
    ...required,
    type: 'TIMESTAMP',
    description: 'Exclusive end of the data to cover, as RFC 3339 text or Unix seconds.',
    schema: instant,
  },
} as const satisfies ParameterSet

/** Inclusive start and exclusive end of the data to cover. */
export const interval = {
  interval_start: {
    ...required,
    type: 'TIMESTAMP',
    description: 'Inclusive start of the data to cover, as RFC 3339 text or Unix seconds.',
    schema: instant,
  },
  ...endOfInterval,
} as const satisfies ParameterSet

const noPayoutId: Problem = (value) => `${shown(value)} is no id of a payout. Give one such as "po_1MxF2a".`

/** One automatic payout. */
export const payout = {
  payout: {
    ...required,
    type: 'STRING',
    description: 'Id of the automatic payout whose balance transactions to cover.',
    schema: z
      .string({ error: ({ input }) => noPayoutId(input) })
      .regex(/^po_\w{1,250}$/, { error: ({ input }) => noPayoutId(input) }),
  },
} as const satisfies ParameterSet

export const currency = {
  currency: {
    ...optional,
    type: 'STRING',
    description: 'Three-letter ISO 4217 code of the settlement currency to keep; all currencies when absent.',
    schema: readable(
      (error) => z.string({ error }),
      readCurrency,
      (value) => `${shown(value)} is no currency. Give a three-letter ISO 4217 code such as "usd".`,
    ).optional(),
  },
} as const satisfies ParameterSet

export const timezone = {
  timezone: {
    ...optional,
    type: 'STRING',
    description:
      'IANA name of the timezone in which times and dates are printed; it never changes which rows are selected.',
    defaultValue: 'Etc/UTC',
    schema: readable(
      (error) => z.string({ error }),
      readTimezone,
      (value) => `${shown(value)} is no timezone. Give an IANA name such as "Europe/Berlin".`,
    ).prefault('Etc/UTC'),
  },
} as const satisfies ParameterSet

export const reportingCategory = {
  reporting_category: {
    ...optional,
    type: 'STRING',
    description: 'Reporting category of the rows to keep; all categories when absent.',
    allowedValues: reportingCategories,
    schema: z
      .enum(reportingCategories, { error: ({ input }) => `${shown(input)} is no reporting category.` })
      .optional(),
  },
} as const satisfies ParameterSet

const separators = ['.', ','] as const

export const decimalSeparator = {
  decimal_separator: {
    ...optional,
    type: 'STRING',
    description: 'Character between the whole and the fractional part of an amount.',
    defaultValue: '.',
    allowedValues: separators,
    schema: z
      .enum(separators, { error: ({ input }) => `${shown(input)} is no decimal separator. Give "." or ",".` })
      .default('.'),
  },
} as const satisfies ParameterSet

/** Enough for every column with some metadata; Postgres itself stops at 1664. */
const mostColumns = 250

/** Which columns, in which order. Their names are checked against the type's, and its defaults filled in, later. */
export const columns = {
  columns: {
    ...optional,
    type: 'STRING',
    description: "Columns to write, in this order; the type's default columns when absent.",
    isList: true,
    schema: z
      .array(z.string({ error: ({ input }) => `${shown(input)} is no column name.` }), {
        error: ({ input }) => `${shown(input)} is no list of column names.`,
      })
      .min(1, {
        error: 'The list of columns is empty. Name at least one, or leave it out for the default columns.',
      })
      .max(mostColumns, {
        error: ({ input }) =>
          `${Object(input).length} columns are too many: at most ${mostColumns} are written.`,
      })
      .optional(),
  },
} as const satisfies ParameterSet

/** Of itemized reports that give times in UTC alone. */
export const itemizedInUtc = {
  ...interval,
  ...currency,
  ...reportingCategory,
  ...decimalSeparator,
  ...columns,
} as const satisfies ParameterSet

/** Of itemized reports that give times in a timezone as well. */
export const itemizedInTimezone = {
  ...interval,
  ...timezone,
  ...currency,
  ...reportingCategory,
  ...decimalSeparator,
  ...columns,
} as const satisfies ParameterSet
