import { z } from 'zod'
import { invalid, preview } from '../parameters.ts'
import { valueTypeNames } from './value-type.ts'

const idPattern = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\.[1-9]\d{0,3}$/
const namePattern = /^[a-z][a-z0-9_]{0,62}$/

/** Parameters that every report has, or gets by what it writes. */
export const builtInNames = ['account_id', 'livemode', 'columns', 'timezone', 'decimal_separator'] as const

const name = z.string().regex(namePattern, {
  error: invalid('name. Give at most 63 of a to z, 0 to 9 and _, with a letter first.'),
})

const parameterName = name.refine((value) => !builtInNames.some((builtIn) => builtIn === value), {
  error: ({ input }) => `The parameter ${preview(input)} is built in: it cannot be declared.`,
})

const sentence = z.string().trim().min(1, { error: 'It is empty.' })
const type = z.enum(valueTypeNames, {
  error: invalid(`type. Give one of ${valueTypeNames.join(', ')}.`),
})
const flag = z.boolean().default(false)

const parameter = z.strictObject({
  type,
  description: sentence,
  /** True when a caller has to give it. */
  required: flag,
  /** True when it takes a list, an array in SQL. */
  list: flag,
  /** What is used when it is absent; null in SQL unless given. */
  default: z.union([z.string(), z.number(), z.boolean()]).optional(),
  /** The only texts that are accepted. */
  allowed: z.array(z.string()).min(1, { error: 'The list is empty.' }).optional(),
})

const column = z.strictObject({
  type,
  description: sentence,
  /** False when it is written only if it was chosen. */
  default: z.boolean().default(true),
})

/** What stands before the SQL of a report. */
export const headerSchema = z.strictObject({
  id: z.string().regex(idPattern, {
    error: invalid(
      'id. Give words in lower case with dots between them and a version at the end, such as shop.orders.1.',
    ),
  }),
  title: sentence,
  description: sentence,
  /** Whose rows it gives: those of the caller's account and mode, or the same to everyone. */
  scope: z
    .enum(['caller', 'everyone'], { error: invalid('scope. Give caller or everyone.') })
    .default('caller'),
  /** True when a test key is refused. */
  live_only: flag,
  /** Most rows of a result, and most seconds for a statement, when that is less than for all reports. */
  max_rows: z.int().positive().optional(),
  max_seconds: z.int().positive().optional(),
  parameters: z.record(parameterName, parameter).default({}),
  columns: z.record(name, column).refine((columns) => Object.values(columns).some((one) => one.default), {
    error: 'There has to be a column that is written by default.',
  }),
})

export type Header = z.output<typeof headerSchema>
export type HeaderParameter = Header['parameters'][string]
