import { z } from 'zod'
import { InputError, InputErrors } from '../../errors.ts'
import { type Compression, ReportFormat } from '../../postgres/generated/prisma/client.ts'
import { preview } from '../../reports/parameters.ts'

/** What a caller asks for, as given. */
export type RunRequest = {
  type: string
  parameters: Readonly<Record<string, unknown>>
  formats: readonly ReportFormat[]
  compression: Compression
  label: string | null
  tags: readonly string[]
  metadata: Readonly<Record<string, unknown>>
  /** Milliseconds from the request in which it has to start; null when it may wait for ever. */
  startWithin: number | null
  /** Milliseconds from the start in which it has to end; null when it may take as long as it takes. */
  timeout: number | null
  /** Milliseconds from the end for which the result is kept. */
  retention: number
  /** Milliseconds since the end of an identical run in which that run will do; null when only a new one does. */
  reuseWithin: number | null
  /** Whether it may wait for data that is not there yet. */
  waitForData: boolean
}

const fields = {
  label: text(255).nullable(),
  tags: z
    .array(text(50).min(1, { error: 'A tag cannot be empty.' }))
    .max(10, { error: 'At most 10 tags are allowed.' })
    .transform(unique),
  metadata: z
    .record(text(40).min(1, { error: 'A key cannot be empty.' }), text(500))
    .refine((value) => Object.keys(value).length <= 50, { error: 'At most 50 values are allowed.' }),
  formats: z.array(z.enum(ReportFormat)).min(1, { error: 'Name at least one format.' }).transform(unique),
}
const annotations = z.object(fields)
const givenAnnotations = z.object({
  label: fields.label.exactOptional(),
  tags: fields.tags.exactOptional(),
  metadata: fields.metadata.exactOptional(),
})

/** What a run is called; it changes nothing of the result. */
export type Annotations = { label: string | null; tags: string[]; metadata: Record<string, string> }

export type TimeLimits = Pick<RunRequest, 'startWithin' | 'timeout' | 'retention' | 'reuseWithin'>

const day = 24 * 60 * 60 * 1000
const bounds = {
  startWithin: { max: 30 * day, named: 'PT1S to P30D' },
  timeout: { max: day, named: 'PT1S to P1D' },
  retention: { max: 3660 * day, named: 'PT1S to P3660D' },
  // No result is kept for longer.
  reuseWithin: { max: 3660 * day, named: 'PT1S to P3660D' },
} as const

/** Checks the durations of a request. @throws InputErrors whose paths are the name of the field */
export function checkTimeLimits({ startWithin, timeout, retention, reuseWithin }: TimeLimits): TimeLimits {
  const limits = { startWithin, timeout, retention, reuseWithin }
  const errors = Object.entries(bounds).flatMap(([field, { max, named }]) => {
    // Each field of the bounds is one of the limits.
    const milliseconds = limits[field as keyof typeof bounds]
    const isFine = milliseconds === null || (milliseconds >= 1000 && milliseconds <= max)
    return isFine ? [] : [new InputError(`${field} has to be from ${named}.`, [field])]
  })
  if (errors.length > 0) throw new InputErrors(errors)
  return limits
}

const maxLevels = 20

/** Refuses JSON of more levels than anything here has, before it meets code that goes down into it by recursion. */
export function checkLevels(field: string, value: unknown): void {
  if (!isDeeper(value, maxLevels)) return
  throw new InputError(`${field} is nested more than ${maxLevels} levels deep.`, [field])
}

/**
 * Checks all of a request that does not depend on the report type. What is named twice is kept once.
 *
 * @throws InputError, InputErrors whose paths start with the name of the field
 */
export function checkAnnotations(
  request: Pick<RunRequest, keyof Annotations | 'formats'>,
): Annotations & { formats: ReportFormat[] } {
  checkLevels('metadata', request.metadata)
  return parse(annotations, request)
}

/** Some of the annotations, as given; what is absent is not touched. */
export type GivenAnnotations = {
  [Field in keyof Annotations]?: RunRequest[Field] | undefined
}

/** Checks annotations of which some may be absent, as checkAnnotations does, and gives those that are there. */
export function checkGivenAnnotations({ label, tags, metadata }: GivenAnnotations): Partial<Annotations> {
  checkLevels('metadata', metadata)
  const given = Object.entries({ label, tags, metadata }).filter(([, value]) => value !== undefined)
  return parse(givenAnnotations, Object.fromEntries(given))
}

// Postgres can hold neither NUL nor half of a surrogate pair.
function text(maximum: number) {
  return z
    .string({ error: ({ input }) => `${preview(input)} is no text.` })
    .max(maximum, {
      error: ({ input }) => `It is ${String(input).length} characters long; ${maximum} are allowed.`,
    })
    .refine((value) => value.isWellFormed() && !value.includes('\0'), {
      error: 'It holds a character that cannot be stored: NUL, or half of a surrogate pair.',
    })
}

function isDeeper(value: unknown, levels: number): boolean {
  let level = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > levels) return true
    level = level.flatMap((part): unknown[] => (typeof part === 'object' && part ? Object.values(part) : []))
  }
  return false
}

function unique<Value>(values: Value[]): Value[] {
  return [...new Set(values)]
}

const maxErrors = 50

/** @throws InputErrors */
function parse<Parsed>(schema: z.ZodType<Parsed>, value: unknown): Parsed {
  const { success, data, error } = schema.safeParse(value)
  if (success) return data
  throw new InputErrors(
    error.issues.slice(0, maxErrors).map(({ path, message }) => {
      const parts = path.map(String)
      return new InputError(`${parts.join('.')}: ${message}`, parts)
    }),
  )
}
