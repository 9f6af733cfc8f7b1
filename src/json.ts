import type { JsonObject, JsonValue } from '@prisma/client/runtime/client'

/** Narrows the value of a JSON column that contains only objects. */
export function jsonObject(value: JsonValue): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new TypeError('The value of a JSON column is not an object.')
}
