import { z } from 'zod'
import { InputError } from '../errors.ts'
import { idPrefixes, isId } from '../ids.ts'
import { type OrderField, orderFields, type Position } from './run-order.ts'

const position = z.tuple([
  z.enum(orderFields),
  z.string().refine((id) => isId(id, idPrefixes.reportRun)),
  z.union([z.null(), z.iso.datetime(), z.string().regex(/^\d{1,18}$/)]),
])

export const encodeRunCursor = ({ field, id, value }: Position): string =>
  Buffer.from(JSON.stringify([field, id, value])).toString('base64url')

/**
 * Reads a cursor that this API gave for the same order.
 *
 * @param argument `after` or `before`, for the message
 * @throws InputError when it is none
 */
export const decodeRunCursor = (cursor: string, field: OrderField, argument: string): Position => {
  const parsed = position.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString('utf8')))
  if (!parsed.success) {
    throw new InputError(
      `${JSON.stringify(cursor)} is no cursor of a list of runs. Pass one that the list gave.`,
      [argument],
    )
  }
  const [cursorField, id, value] = parsed.data
  if (cursorField !== field) {
    throw new InputError(
      `The cursor belongs to a list ordered by ${cursorField}, and this one is by ${field}.`,
      [argument],
    )
  }
  if (field === 'FINISHED_AT' && value !== null && Number.isNaN(Date.parse(value))) {
    throw new InputError(`${JSON.stringify(cursor)} is no cursor of a list of runs.`, [argument])
  }
  return { field, id, value }
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
