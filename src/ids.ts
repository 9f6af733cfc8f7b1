import { randomBytes } from 'node:crypto'

// Crockford's alphabet is in ASCII order, so ids sort by their times in any Postgres collation.
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
const timeLength = 10
const randomLength = 15

export const idPrefixes = {
  account: 'acct',
  apiKey: 'key',
  reportRun: 'frr',
  reportSchedule: 'frs',
  file: 'file',
} as const
export type IdPrefix = (typeof idPrefixes)[keyof typeof idPrefixes]

/** Returns `length` random characters of 5 bits each. */
export function randomWord(length: number): string {
  let text = ''
  for (const byte of randomBytes(length)) text += alphabet.charAt(byte & 31)
  return text
}

/** Returns a new id: prefix, creation time in milliseconds, 75 random bits. Ids with the same prefix sort by time. */
export function newId(prefix: IdPrefix, at: Date): string {
  return `${prefix}_${encodeTime(at.getTime())}${randomIdWord()}`
}

/**
 * Returns SQL for the id that `newId` returns, whose parts are SQL too.
 *
 * @param milliseconds a bigint, the creation time
 * @param word the result of `randomIdWord`
 */
export function idSql(prefix: IdPrefix, milliseconds: string, word: string): string {
  const digits = Array.from({ length: timeLength }, (_, i) => {
    const shift = 5 * (timeLength - 1 - i)
    return `substr('${alphabet}', ((${milliseconds} >> ${shift}) & 31)::integer + 1, 1)`
  })
  return `'${prefix}_' || ${digits.join(' || ')} || ${word}`
}

/** Returns the random part of an id. */
export function randomIdWord(): string {
  return randomWord(randomLength)
}

/** Returns the lowest id that an object created at `at` or later can have. Turns a time filter into an id range. */
export function firstIdAt(prefix: IdPrefix, at: Date): string {
  return `${prefix}_${encodeTime(Math.max(0, at.getTime()))}${'0'.repeat(randomLength)}`
}

const idPattern = new RegExp(`^[a-z]+_[${alphabet}]{${timeLength + randomLength}}$`)

/** Returns true when `id` has the form of an id with that prefix. Does not check whether the object exists. */
export function isId(id: string, prefix: IdPrefix): boolean {
  return id.startsWith(`${prefix}_`) && idPattern.test(id)
}

function encodeTime(milliseconds: number): string {
  let rest = milliseconds
  let text = ''
  for (let i = 0; i < timeLength; i++) {
    text = alphabet.charAt(rest % 32) + text
    rest = Math.floor(rest / 32)
  }
  return text
}
