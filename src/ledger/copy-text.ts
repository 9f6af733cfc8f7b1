import type { LedgerValue } from './rows.ts'

/** Bytes handed to the socket at once: large enough to be few writes, small enough to stay in the processor's cache. */
const chunkBytes = 128 * 1024

const escapes: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/**
 * Rows in COPY's text format. Lines go into bytes one by one: joining them first and encoding the text takes longer.
 *
 * @param fields of each row, in the order of the columns
 * @param constants values that every row begins with
 */
export function* encodeRows<Row extends { [Key in keyof Row]: LedgerValue }>(
  rows: Iterable<Row>,
  fields: readonly (keyof Row)[],
  constants: readonly LedgerValue[] = [],
): Generator<Buffer> {
  const beginning = constants.map((value) => `${encodeValue(value)}\t`).join('')
  let chunk = Buffer.allocUnsafe(chunkBytes)
  let used = 0
  for (const row of rows) {
    let line = beginning
    let separator = ''
    for (const field of fields) {
      line += separator + encodeValue(row[field])
      separator = '\t'
    }
    line += '\n'
    // A UTF-16 unit becomes at most three bytes.
    const room = line.length * 3
    if (used + room > chunk.length) {
      yield chunk.subarray(0, used)
      chunk = Buffer.allocUnsafe(Math.max(chunkBytes, room))
      used = 0
    }
    used += chunk.write(line, used)
  }
  yield chunk.subarray(0, used)
}

function escapeText(text: string): string {
  return /[\\\n\r\t]/.test(text)
    ? text.replace(/[\\\n\r\t]/g, (character) => escapes[character] ?? character)
    : text
}

function encodeValue(value: LedgerValue): string {
  if (value === null || value === undefined) return '\\N'
  if (typeof value === 'string') return escapeText(value)
  if (typeof value === 'boolean') return value ? 't' : 'f'
  if (typeof value === 'number') return String(value)
  if (value instanceof Date) return value.toISOString()
  return escapeText(JSON.stringify(value))
}
