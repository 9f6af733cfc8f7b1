import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { type LedgerBatch, type LedgerValue, ledgerTables } from './rows.ts'

/** Whose ledger it is: every row is written with these two. */
export type LedgerOwner = { accountId: string; livemode: boolean }

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

const copyRows = async <Row extends { [Key in keyof Row]: LedgerValue }>(
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

// Statistics of the columns by which reports join and filter; those of the JSON columns would take most of the time.
const analyze = `
  analyze
    balance_transactions (account_id, livemode, id, reporting_category, currency, created, effective_at, charge_id,
      payout_id, automatic_payout_id),
    charges (account_id, livemode, id, created, customer_id),
    payouts (account_id, livemode, id, currency, created, effective_at, is_automatic),
    customers (account_id, livemode, id),
    fee_details (account_id, livemode, balance_transaction_id)`

/**
 * Appends a ledger to the ledger tables of the search path by COPY, batch by batch, so that memory holds one batch.
 *
 * - Runs in the transaction that the caller has open; without one, each table of each batch is its own transaction.
 * - Does not touch `ledger_coverage`: only the caller knows what span is complete.
 * - Afterwards refreshes the planner's statistics, so that the first report is planned for the rows that are there.
 * - Rejects on the first row that Postgres refuses (an id that is already there, say); the client stays usable.
 *
 * @param onProgress called after each batch with the number of balance transactions written so far
 */
export const loadLedger = async (
  client: pg.ClientBase,
  owner: LedgerOwner,
  ledger: Iterable<LedgerBatch> | AsyncIterable<LedgerBatch>,
  onProgress?: (rows: number) => void,
): Promise<{ balanceTransactions: number }> => {
  let balanceTransactions = 0
  for await (const batch of ledger) {
    await copyRows(client, owner, 'customers', ledgerTables.customers, batch.customers)
    await copyRows(client, owner, 'charges', ledgerTables.charges, batch.charges)
    await copyRows(client, owner, 'payouts', ledgerTables.payouts, batch.payouts)
    await copyRows(
      client,
      owner,
      'balance_transactions',
      ledgerTables.balance_transactions,
      batch.balanceTransactions,
    )
    await copyRows(client, owner, 'fee_details', ledgerTables.fee_details, batch.feeDetails)
    balanceTransactions += batch.balanceTransactions.length
    onProgress?.(balanceTransactions)
  }
  await client.query(analyze)
  return { balanceTransactions }
}
