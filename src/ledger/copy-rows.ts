import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import type { Tenant } from '../tenant.ts'
import { encodeRows } from './copy-text.ts'
import type { LedgerValue } from './rows.ts'

/**
 * Appends rows to a table by COPY.
 *
 * @param accountId whose rows they are, to be named when Postgres refuses them
 * @param columns of the table, in the order of each row's values
 * @param text the rows, as `encodeRows` gives them
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

/**
 * Appends a tenant's rows to a table of the ledger, and nothing when there are none.
 *
 * @param columns the table's column of each field of a row
 */
export async function copyRows<Row extends { [Key in keyof Row]: LedgerValue }>(
  client: pg.ClientBase,
  { accountId, livemode }: Tenant,
  table: string,
  columns: Readonly<Record<keyof Row, string>>,
  rows: readonly Row[],
): Promise<void> {
  if (rows.length === 0) return
  // Object.keys cannot know that `columns` has no other keys than those of Row.
  const fields = Object.keys(columns) as (keyof Row)[]
  const names = fields.map((field) => columns[field])
  const text = encodeRows(rows, fields, [accountId, livemode])
  await copyText(client, accountId, table, ['account_id', 'livemode', ...names], text)
}
