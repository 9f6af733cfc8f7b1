import { z } from 'zod'
import { invalid, preview } from '../parameters.ts'
import { valueTypeNames } from './value-type.ts'

const idPattern = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\.[1-9]\d{0,3}$/
const namePattern = /^[a-z][a-z0-9_]{0,62}$/

/** Parameters that every report has, or that depend on its columns and SQL. */
export const builtInNames = ['account_id', 'livemode', 'columns', 'timezone', 'decimal_separator'] as const

const name = z.string().regex(namePattern, {
  error: invalid('name. Use at most 63 of the characters a to z, 0 to 9 and _, starting with a letter.'),
})

const parameterName = name.refine((value) => !builtInNames.some((builtIn) => builtIn === value), {
  error: ({ input }) => `The parameter ${preview(input)} is built in and cannot be declared.`,
})

const nonEmptyText = z.string().trim().min(1, { error: 'The text is empty.' })
const type = z.enum(valueTypeNames, {
  error: invalid(`type. Use one of ${valueTypeNames.join(', ')}.`),
})
const flag = z.boolean().default(false)

const parameter = z.strictObject({
  type,
  description: nonEmptyText,
  /** True when callers must give the parameter. */
  required: flag,
  /** True when the parameter is a list, which is an array in SQL. */
  list: flag,
  /** The value when the parameter is absent. Without a default, an absent parameter is null in SQL. */
  default: z.union([z.string(), z.number(), z.boolean()]).optional(),
  /** All accepted values. */
  allowed: z.array(z.string()).min(1, { error: 'The list is empty.' }).optional(),
})

const column = z.strictObject({
  type,
  description: nonEmptyText,
  /** False when the column is written only if a caller names it. */
  default: z.boolean().default(true),
})

/** The header of a report file. */
export const headerSchema = z.strictObject({
  id: z.string().regex(idPattern, {
    error: invalid(
      'id. Use lowercase words separated by dots, with a version at the end, such as shop.orders.1.',
    ),
  }),
  title: nonEmptyText,
  description: nonEmptyText,
  /** Which rows callers see: those of their own account and mode, or the same rows for everyone. */
  scope: z
    .enum(['caller', 'everyone'], { error: invalid('scope. Use caller or everyone.') })
    .default('caller'),
  /** True when the report rejects test keys. */
  live_only: flag,
  /** Limits of rows in a result and of seconds for a statement, if lower than the limits for all reports. */
  max_rows: z.int().positive().optional(),
  max_seconds: z.int().positive().optional(),
  parameters: z.record(parameterName, parameter).default({}),
  columns: z.record(name, column).refine((columns) => Object.values(columns).some((one) => one.default), {
    error: 'At least one column must be written by default.',
  }),
})

export type Header = z.output<typeof headerSchema>
export type HeaderParameter = Header['parameters'][string]
