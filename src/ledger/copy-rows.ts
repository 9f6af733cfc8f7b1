import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import type { LedgerOwner, LedgerValue } from './rows.ts'

/** Bytes handed to the socket at once: large enough to be few writes, small enough to stay in the processor's cache. */
const chunkBytes = 128 * 1024

const escapes: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

const escapeText = (text: string): string =>
  /[\\\n\r\t]/.test(text) ? text.replace(/[\\\n\r\t]/g, (character) => escapes[character] ?? character) : text

const encodeValue = (value: LedgerValue): string => {
  if (value === null || value === undefined) return '\\N'
  if (typeof value === 'string') return escapeText(value)
  if (typeof value === 'boolean') return value ? 't' : 'f'
  if (typeof value === 'number') return String(value)
  if (value instanceof Date) return value.toISOString()
  return escapeText(JSON.stringify(value))
}

/** Rows in COPY's text format. Lines go into bytes one by one: joining them first and encoding the text takes longer. */
function* encodeRows<Row extends { [Key in keyof Row]: LedgerValue }>(
  rows: readonly Row[],
  keys: readonly (keyof Row)[],
  ownerColumns: string,
): Generator<Buffer> {
  let chunk = Buffer.allocUnsafe(chunkBytes)
  let used = 0
  for (const row of rows) {
    let line = ownerColumns
    for (const key of keys) line += `\t${encodeValue(row[key])}`
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

/**
 * Appends rows to a table by COPY, and nothing when there are none.
 *
 * @param columns the table's column of each field of a row
 */
export const copyRows = async <Row extends { [Key in keyof Row]: LedgerValue }>(
  client: pg.ClientBase,
  owner: LedgerOwner,
  table: string,
  columns: Readonly<Record<keyof Row, string>>,
  rows: readonly Row[],
): Promise<void> => {
  if (rows.length === 0) return
  // Object.keys cannot know that `columns` has no other keys than those of Row.
  const keys = Object.keys(columns) as (keyof Row)[]
  const names = ['account_id', 'livemode', ...keys.map((key) => columns[key])]
  const ownerColumns = `${escapeText(owner.accountId)}\t${owner.livemode ? 't' : 'f'}`
  try {
    await pipeline(
      Readable.from(encodeRows(rows, keys, ownerColumns)),
      client.query(copyFrom(`copy ${table} (${names.join(', ')}) from stdin`)),
    )
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(
      `Cannot load ${rows.length} rows into ${table} for account ${owner.accountId}: ${reason}.`,
      { cause },
    )
  }
}
