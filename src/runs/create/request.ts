import { Temporal } from 'temporal-polyfill'
import { z } from 'zod'
import { InputError, InputErrors } from '../../errors.ts'
import { type Compression, ReportFormat } from '../../postgres/generated/prisma/client.ts'
import { preview } from '../../reports/parameters.ts'
import { durationError, toMilliseconds } from './duration.ts'

/** A request for a run, as given by the caller. */
export type RunRequest = {
  type: string
  parameters: Readonly<Record<string, unknown>>
  formats: readonly ReportFormat[]
  compression: Compression
  /** True to begin CSV files with a byte order mark. */
  byteOrderMark: boolean
  label: string | null
  tags: readonly string[]
  metadata: Readonly<Record<string, unknown>>
  /** Time from the request within which the run must start; null for no limit. */
  startWithin: Temporal.Duration | null
  /** Time from the start within which the run must end; null for no limit. */
  timeout: Temporal.Duration | null
  /** Time from the end of the run for which the result is kept. */
  retention: Temporal.Duration
  /** An identical run that ended at most this long ago is reused; null to always create a run. */
  reuseWithin: Temporal.Duration | null
  /** Whether the run can wait for data that is not available yet. */
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
    .refine((value) => Object.keys(value).length <= 50, { error: 'At most 50 keys are allowed.' }),
  formats: z.array(z.enum(ReportFormat)).min(1, { error: 'Give at least one format.' }).transform(unique),
}
const annotations = z.object(fields)
const givenAnnotations = z.object({
  label: fields.label.exactOptional(),
  tags: fields.tags.exactOptional(),
  metadata: fields.metadata.exactOptional(),
})

/** Descriptive fields of a run; they do not affect the result. */
export type Annotations = { label: string | null; tags: string[]; metadata: Record<string, string> }

type GivenTimeLimits = Pick<RunRequest, 'startWithin' | 'timeout' | 'retention' | 'reuseWithin'>

/** The durations of a request, in milliseconds; null for no limit. */
export type TimeLimits = {
  [Field in keyof GivenTimeLimits]: number | Exclude<GivenTimeLimits[Field], Temporal.Duration>
}

const maxDurations = {
  startWithin: Temporal.Duration.from('P30D'),
  timeout: Temporal.Duration.from('P1D'),
  retention: Temporal.Duration.from('P3660D'),
  // The maximum retention: no older result exists.
  reuseWithin: Temporal.Duration.from('P3660D'),
}
const minDuration = Temporal.Duration.from('PT1S')

/** Checks the durations of a request. @throws InputErrors whose paths are the names of the fields */
export function checkTimeLimits({
  startWithin,
  timeout,
  retention,
  reuseWithin,
}: GivenTimeLimits): TimeLimits {
  const given = { startWithin, timeout, retention, reuseWithin }
  const errors = Object.entries(maxDurations).flatMap(([field, max]) => {
    // `maxDurations` and `given` have the same keys.
    const duration = given[field as keyof typeof maxDurations]
    return (duration && durationError(field, duration, { min: minDuration, max })) ?? []
  })
  if (errors.length > 0) throw new InputErrors(errors)
  return {
    startWithin: startWithin && toMilliseconds(startWithin),
    timeout: timeout && toMilliseconds(timeout),
    retention: toMilliseconds(retention),
    reuseWithin: reuseWithin && toMilliseconds(reuseWithin),
  }
}

const maxLevels = 20

/** Rejects JSON that is nested deeper than any valid value, before recursive code processes it. */
export function checkLevels(field: string, value: unknown): void {
  if (!isDeeper(value, maxLevels)) return
  throw new InputError(`${field} is nested more than ${maxLevels} levels deep. Flatten it.`, [field])
}

/**
 * Checks the parts of a request that do not depend on the report type. Duplicate tags and formats are removed.
 *
 * @throws InputError, InputErrors whose paths start with the name of the field
 */
export function checkAnnotations(
  request: Pick<RunRequest, keyof Annotations | 'formats'>,
): Annotations & { formats: ReportFormat[] } {
  checkLevels('metadata', request.metadata)
  return parse(annotations, request)
}

/** Checks that an output with a byte order mark has a CSV file. @throws InputError with the path of the field */
export function checkByteOrderMark({
  byteOrderMark,
  formats,
}: Pick<RunRequest, 'byteOrderMark' | 'formats'>) {
  if (!byteOrderMark || formats.includes('CSV')) return
  throw new InputError(
    `Only CSV files can begin with a byte order mark, and the formats are ${formats.join(', ')}. Add CSV, or omit byteOrderMark.`,
    ['byteOrderMark'],
  )
}

/** Some of the annotations, as given; absent ones do not change. */
export type GivenAnnotations = {
  [Field in keyof Annotations]?: RunRequest[Field] | undefined
}

/** Checks the given annotations as checkAnnotations does, and returns them without the absent ones. */
export function checkGivenAnnotations({ label, tags, metadata }: GivenAnnotations): Partial<Annotations> {
  checkLevels('metadata', metadata)
  const given = Object.entries({ label, tags, metadata }).filter(([, value]) => value !== undefined)
  return parse(givenAnnotations, Object.fromEntries(given))
}

// Postgres can store neither NUL nor an unpaired surrogate.
function text(maximum: number) {
  return z
    .string({ error: ({ input }) => `${preview(input)} is not a string.` })
    .max(maximum, {
      error: ({ input }) => `It has ${String(input).length} characters; at most ${maximum} are allowed.`,
    })
    .refine((value) => value.isWellFormed() && !value.includes('\0'), {
      error: 'It contains NUL or an unpaired surrogate, which cannot be stored. Leave that character out.',
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
