import { z } from 'zod'
import { InputError } from '../../errors.ts'
import { idPrefixes, isId } from '../../ids.ts'
import type { OrderField, Position } from './order.ts'

const id = z.string().refine((text) => isId(text, idPrefixes.reportRun))
// Postgres has no year 0.
const instant = z.iso.datetime().refine((text) => !text.startsWith('0000'))
const bigint = z.string().regex(/^\d{1,18}$/)
const position = z.union([
  z.tuple([z.literal('CREATED_AT'), id, z.null()]),
  z.tuple([z.literal('FINISHED_AT'), id, instant.nullable()]),
  z.tuple([z.enum(['BYTE_SIZE', 'RUN_DURATION']), id, bigint.nullable()]),
])

export function encodeRunCursor({ field, id, value }: Position): string {
  return Buffer.from(JSON.stringify([field, id, value])).toString('base64url')
}

/**
 * Reads a cursor that this API gave for the same order.
 *
 * @param argument `after` or `before`, for the message
 * @throws InputError when it is none
 */
export function decodeRunCursor(cursor: string, field: OrderField, argument: string): Position {
  const parsed = position.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString('utf8')))
  if (!parsed.success) {
    throw new InputError(
      `${JSON.stringify(cursor)} is no cursor of a list of runs. Pass one that the list gave.`,
      [argument],
    )
  }
  const [cursorField, runId, value] = parsed.data
  if (cursorField !== field) {
    throw new InputError(
      `The cursor belongs to a list ordered by ${cursorField}, and this one is by ${field}.`,
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
