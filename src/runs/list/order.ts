import { z } from 'zod'
import { InputError } from '../../errors.ts'
import { idPrefixes, isId } from '../../ids.ts'
import type { Prisma, ReportRun } from '../../postgres/generated/prisma/client.ts'

/** The column behind each field; ids sort by creation, so CREATED_AT needs none. */
const columns = {
  FINISHED_AT: 'finishedAt',
  BYTE_SIZE: 'byteSize',
  RUN_DURATION: 'runMilliseconds',
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
  const value = field === 'CREATED_AT' ? null : run[columns[field]]
  const text = value instanceof Date ? value.toISOString() : (value?.toString() ?? null)
  return { field, id: run.id, value: text }
}

/** Null sorts as the largest value, so that unfinished runs come first in descending order. */
export function orderBy({ field, direction }: RunOrder): Prisma.ReportRunOrderByWithRelationInput[] {
  const sort = direction === 'ASC' ? 'asc' : 'desc'
  if (field === 'CREATED_AT') return [{ id: sort }]
  return [{ [columns[field]]: { sort, nulls: sort === 'asc' ? 'last' : 'first' } }, { id: sort }]
}

/**
 * The runs after a position, as conditions that follow each other in the order. Each is one range of the index of the order,
 * so that its first runs cost the same at any depth, which a single condition with `or` does not provide.
 */
export function rangesAfter(
  { field, direction }: RunOrder,
  { id, value }: Position,
): Prisma.ReportRunWhereInput[] {
  const isAscending = direction === 'ASC'
  const laterId = isAscending ? { gt: id } : { lt: id }
  if (field === 'CREATED_AT') return [{ id: laterId }]
  const column = columns[field]
  if (value === null) {
    const sameValue = { [column]: null, id: laterId }
    return isAscending ? [sameValue] : [sameValue, { [column]: { not: null } }]
  }
  const typed = field === 'FINISHED_AT' ? new Date(value) : BigInt(value)
  const sameValue = { [column]: typed, id: laterId }
  return isAscending
    ? [sameValue, { [column]: { gt: typed } }, { [column]: null }]
    : [sameValue, { [column]: { lt: typed } }]
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
