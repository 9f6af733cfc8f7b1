import type { Prisma } from './generated/prisma/client.ts'

/** The value of a JSON column that only ever holds objects. */
export function readJsonObject(value: Prisma.JsonValue): Prisma.JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new Error('A JSON column does not hold an object.')
}
