import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import type { Tenant } from '../tenant.ts'
import { type LedgerRow, type LedgerTable, type LedgerValue, ledgerTables } from './rows.ts'

/** Appends a tenant's rows to a ledger table. */
export async function copyRows(
  client: pg.ClientBase,
  { accountId, livemode }: Tenant,
  table: LedgerTable,
  rows: readonly LedgerRow[],
): Promise<void> {
  if (rows.length === 0) return
  const columns = ledgerTables[table]
  const text = encodeRows(rows, Object.keys(columns), [accountId, livemode])
  await copyText(client, accountId, table, ['account_id', 'livemode', ...Object.values(columns)], text)
}

/**
 * Appends rows to a table with COPY.
 *
 * @param text rows as `encodeRows` returns them
 * @throws Error with the table and account when Postgres rejects a row
 */
export async function copyText(
  client: pg.ClientBase,
  accountId: string,
  table: string,
  columns: readonly string[],
  text: Iterable<Buffer>,
): Promise<void> {
  try {
    await pipeline(
      Readable.from(text),
      client.query(copyFrom(`copy ${table} (${columns.join(', ')}) from stdin`)),
    )
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`Cannot load rows into ${table} for account ${accountId}: ${reason}.`, { cause })
  }
}

/** Bytes per write to the socket: large enough for few writes, small enough to stay in the processor's cache. */
const chunkBytes = 128 * 1024

/**
 * Encodes rows in COPY's text format, each with the constants first. It writes each line into the buffer separately,
 * which is faster than joining the lines and encoding the text.
 */
export function* encodeRows(
  rows: Iterable<LedgerRow>,
  fields: readonly string[],
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
    // A UTF-16 unit takes at most three bytes.
    const maxBytes = line.length * 3
    if (used + maxBytes > chunk.length) {
      yield chunk.subarray(0, used)
      chunk = Buffer.allocUnsafe(Math.max(chunkBytes, maxBytes))
      used = 0
    }
    used += chunk.write(line, used)
  }
  yield chunk.subarray(0, used)
}

const escapes: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

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
