import type { JsonObject, JsonValue } from '@prisma/client/runtime/client'

/** The object in a JSON column that only ever holds objects. */
export function jsonObject(value: JsonValue): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new TypeError('A JSON column holds no object.')
}
