import { z } from 'zod'
import { InputError } from '../../errors.ts'
import { idPrefixes, isId } from '../../ids.ts'
import { Prisma, type ReportRun } from '../../postgres/generated/prisma/client.ts'

/** The column behind each field; ids sort by creation, so CREATED_AT needs none. */
const columns = {
  FINISHED_AT: { field: 'finishedAt', name: 'finished_at' },
  BYTE_SIZE: { field: 'byteSize', name: 'byte_size' },
  RUN_DURATION: { field: 'runMilliseconds', name: 'run_milliseconds' },
} as const

export type OrderField = 'CREATED_AT' | keyof typeof columns
export type Direction = 'ASC' | 'DESC'
export type RunOrder = { field: OrderField; direction: Direction }

/** The position of a run in an order. It holds values, so it stays valid when the run changes or is deleted. */
export type Position = { field: OrderField; id: string; value: string | null }

const id = z.string().refine((text) => isId(text, idPrefixes.reportRun))
// Postgres has no year 0.
const instant = z.iso.datetime().refine((text) => !text.startsWith('0000'))
const bigint = z.string().regex(/^\d{1,18}$/)
const position = z.union([
  z.tuple([z.literal('CREATED_AT'), id, z.null()]),
  z.tuple([z.literal('FINISHED_AT'), id, instant.nullable()]),
  z.tuple([z.enum(['BYTE_SIZE', 'RUN_DURATION']), id, bigint.nullable()]),
])

export function positionOf(run: ReportRun, field: OrderField): Position {
  const value = field === 'CREATED_AT' ? null : run[columns[field].field]
  const text = value instanceof Date ? value.toISOString() : (value?.toString() ?? null)
  return { field, id: run.id, value: text }
}

/** Null sorts as the largest value, so that unfinished runs come first in descending order. */
export function orderBy(field: OrderField, isAscending: boolean): Prisma.Sql {
  const direction = Prisma.raw(isAscending ? 'asc' : 'desc')
  return field === 'CREATED_AT'
    ? Prisma.sql`id ${direction}`
    : Prisma.sql`${Prisma.raw(columns[field].name)} ${direction}, id ${direction}`
}

/**
 * The runs between two positions, as conditions that follow each other in ascending order. Each is one range of the index of
 * the order, so that its first runs cost the same at any depth, which a single condition with `or` does not provide.
 *
 * @param lower null for the start of the ascending list
 * @param upper null for its end
 */
export function rangesBetween(
  field: OrderField,
  lower: Position | null,
  upper: Position | null,
): Prisma.Sql[] {
  const beyond = (bound: Position | null, sign: '>' | '<'): Prisma.Sql[] =>
    bound ? [Prisma.sql`id ${Prisma.raw(sign)} ${bound.id}`] : []
  if (field === 'CREATED_AT') return [all([...beyond(lower, '>'), ...beyond(upper, '<')])]
  if (!lower && !upper) return [all([])]
  const column = Prisma.raw(columns[field].name)
  // A comparison of rows is null, and so excludes the run, when its value is null.
  const beyondRow = (bound: Position | null, sign: '>' | '<'): Prisma.Sql[] =>
    bound && bound.value !== null
      ? [Prisma.sql`(${column}, id) ${Prisma.raw(sign)} (${bound.value}, ${bound.id})`]
      : []
  const withValue = all([
    Prisma.sql`${column} is not null`,
    ...beyondRow(lower, '>'),
    ...beyondRow(upper, '<'),
  ])
  const withoutValue = all([
    Prisma.sql`${column} is null`,
    ...(lower?.value === null ? beyond(lower, '>') : []),
    ...beyond(upper, '<'),
  ])
  return [
    ...(lower?.value === null ? [] : [withValue]),
    ...(upper && upper.value !== null ? [] : [withoutValue]),
  ]
}

function all(conditions: Prisma.Sql[]): Prisma.Sql {
  return conditions.length === 0 ? Prisma.sql`true` : Prisma.join(conditions, ' and ')
}

export function encodeRunCursor({ field, id, value }: Position): string {
  return Buffer.from(JSON.stringify([field, id, value])).toString('base64url')
}

/**
 * Decodes a page cursor.
 *
 * @param argument `after` or `before`, the path of the error
 * @throws InputError when the cursor is not valid, or belongs to a list in another order
 */
export function decodeRunCursor(cursor: string, field: OrderField, argument: string): Position {
  const parsed = position.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString('utf8')))
  if (!parsed.success) {
    throw new InputError(
      `${JSON.stringify(cursor)} is not a cursor of a list of runs. Pass a cursor that the list returned.`,
      [argument],
    )
  }
  const [cursorField, runId, value] = parsed.data
  if (cursorField !== field) {
    throw new InputError(
      `The cursor belongs to a list ordered by ${cursorField}; this list is ordered by ${field}. Pass a cursor from a list in this order.`,
      [argument],
    )
  }
  return { field, id: runId, value }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
