import { z } from 'zod'
import { InputError, InputErrors } from '../../errors.ts'
import { type Compression, ReportFormat } from '../../postgres/generated/prisma/client.ts'
import { preview } from '../../reports/parameters.ts'

/** What createRun is asked for, as given. */
export type RunRequest = {
  /** Name of the report type. */
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

const notes = z.object({
  label: text(255).nullable(),
  tags: z
    .array(text(50).min(1, { error: 'A tag cannot be empty.' }))
    .max(10, { error: 'At most 10 tags are allowed.' }),
  metadata: z
    .record(text(40).min(1, { error: 'A key cannot be empty.' }), text(500))
    .refine((value) => Object.keys(value).length <= 50, { error: 'At most 50 values are allowed.' }),
  formats: z.array(z.enum(ReportFormat)).min(1, { error: 'Name at least one format.' }),
})

const givenNotes = notes.pick({ label: true, tags: true, metadata: true }).partial()

/** The parts of a request that are the same for a run and for a schedule. */
export type AcceptedNotes = RunNotes & { formats: ReportFormat[] }

export type RunNotes = { label: string | null; tags: string[]; metadata: Record<string, string> }

export type RunSpans = Pick<RunRequest, 'startWithin' | 'timeout' | 'retention' | 'reuseWithin'>

const day = 24 * 60 * 60 * 1000
const bounds = {
  startWithin: { most: 30 * day, named: 'PT1S to P30D' },
  timeout: { most: day, named: 'PT1S to P1D' },
  retention: { most: 3660 * day, named: 'PT1S to P3660D' },
  // No result is kept for longer.
  reuseWithin: { most: 3660 * day, named: 'PT1S to P3660D' },
} as const

/**
 * Checks the spans of time of a request.
 *
 * @throws InputErrors whose paths are the name of the field
 */
export function checkSpans({ startWithin, timeout, retention, reuseWithin }: RunSpans): RunSpans {
  const spans = { startWithin, timeout, retention, reuseWithin }
  const errors = Object.entries(bounds).flatMap(([field, { most, named }]) => {
    // Each field of the bounds is one of the spans.
    const milliseconds = spans[field as keyof typeof bounds]
    const isFine = milliseconds === null || (milliseconds >= 1000 && milliseconds <= most)
    return isFine ? [] : [new InputError(`${field} has to be from ${named}.`, [field])]
  })
  if (errors.length > 0) throw new InputErrors(errors)
  return spans
}

const mostLevels = 20

/**
 * Refuses JSON of more levels than anything here has, before it meets code that goes down into it by recursion.
 *
 * @param field what it is given as, for the message and the path
 * @throws InputError
 */
export function checkLevels(field: string, value: unknown): void {
  if (!isDeeper(value, mostLevels)) return
  throw new InputError(`${field} is nested more than ${mostLevels} levels deep.`, [field])
}

const mostErrors = 50

/**
 * Checks all of a request that does not depend on the report type. What is named twice is kept once.
 *
 * @throws InputError, InputErrors whose paths start with the name of the field
 */
export function checkNotes(request: Pick<RunRequest, keyof RunNotes | 'formats'>): AcceptedNotes {
  checkLevels('metadata', request.metadata)
  const { success, data, error } = notes.safeParse(request)
  if (!success) throw toInputErrors(error)
  const { label, tags, metadata, formats } = data
  return { label, tags: [...new Set(tags)], metadata, formats: [...new Set(formats)] }
}

/** Some of the notes, as given; what is absent is not touched. */
export type GivenNotes = {
  label?: string | null | undefined
  tags?: readonly string[] | undefined
  metadata?: Readonly<Record<string, unknown>> | undefined
}

/**
 * Checks notes of which some may be absent, and gives those that are there.
 *
 * @throws InputError, InputErrors whose paths start with the name of the field
 */
export function checkGivenNotes({ label, tags, metadata }: GivenNotes): Partial<RunNotes> {
  checkLevels('metadata', metadata)
  const given = Object.entries({ label, tags, metadata }).filter(([, value]) => value !== undefined)
  const { success, data, error } = givenNotes.safeParse(Object.fromEntries(given))
  if (!success) throw toInputErrors(error)
  return {
    ...(data.label !== undefined && { label: data.label }),
    ...(data.tags && { tags: [...new Set(data.tags)] }),
    ...(data.metadata && { metadata: data.metadata }),
  }
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

function toInputErrors({ issues }: z.ZodError): InputErrors {
  return new InputErrors(
    issues.slice(0, mostErrors).map(({ path, message }) => {
      const [field = '', ...rest] = path.map(String)
      return new InputError(`${[field, ...rest].join('.')}: ${message}`, [field, ...rest])
    }),
  )
}
