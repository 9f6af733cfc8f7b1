import { z } from 'zod'
import type { Compression, ReportFormat } from '../database/generated/prisma/client.ts'
import { InputError, InputErrors } from '../errors.ts'
import { shown } from '../reports/parameters.ts'

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
}

// Postgres can hold neither NUL nor half of a surrogate pair.
const text = (maximum: number) =>
  z
    .string({ error: ({ input }) => `${shown(input)} is no text.` })
    .max(maximum, {
      error: ({ input }) => `It is ${String(input).length} characters long; ${maximum} are allowed.`,
    })
    .refine((value) => value.isWellFormed() && !value.includes('\0'), {
      error: 'It holds a character that cannot be stored: NUL, or half of a surrogate pair.',
    })

const notes = z.object({
  label: text(255).nullable(),
  tags: z
    .array(text(50).min(1, { error: 'A tag cannot be empty.' }))
    .max(10, { error: 'At most 10 tags are allowed.' }),
  metadata: z
    .record(text(40).min(1, { error: 'A key cannot be empty.' }), text(500))
    .refine((value) => Object.keys(value).length <= 50, { error: 'At most 50 values are allowed.' }),
  formats: z.array(z.string()).min(1, { error: 'Name at least one format.' }),
})

export type RunNotes = { label: string | null; tags: string[]; metadata: Record<string, string> }

const mostErrors = 50

/**
 * Checks all of a request that does not depend on the report type.
 *
 * @throws InputErrors whose paths start with the name of the field
 */
export const checkNotes = (request: RunRequest): RunNotes => {
  const result = notes.safeParse(request)
  if (result.success) {
    const { label, tags, metadata } = result.data
    return { label, tags: [...new Set(tags)], metadata }
  }
  throw new InputErrors(
    result.error.issues.slice(0, mostErrors).map(({ path, message }) => {
      const [field = '', ...rest] = path.map(String)
      return new InputError(`${[field, ...rest].join('.')}: ${message}`, [field, ...rest])
    }),
  )
}
