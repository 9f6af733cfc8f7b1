import type pg from 'pg'
import type { Tenant } from '../tenant.ts'
import { copyRows } from './copy.ts'
import { createTableMerge } from './merge-table.ts'
import type { LedgerBalanceTransaction, LedgerBatch, LedgerFeeDetail } from './rows.ts'

export type MergeOptions = {
  /** Called from time to time with the number of balance transactions merged so far. Duplicates count each time. */
  onProgress?: ((rows: number) => void) | undefined
  /**
   * Fields of balance transactions that this ledger only assumes. They fill new rows and never replace existing values.
   */
  assumed?: readonly (keyof LedgerBalanceTransaction)[]
}

/** Rows per merge: many enough to make the cost per row small, few enough for memory. */
const mergeSize = 20_000

/**
 * Merges a ledger into the ledger tables of the search path by object id.
 *
 * - A null or absent field of a new row keeps the existing value, so a later ledger can complete rows. Keys of metadata
 *   and parts of an address are joined. The fee details of a transaction are replaced as a whole, so they must come in
 *   one batch.
 * - Idempotent: merging an object again changes nothing.
 * - Runs in the caller's open transaction, and neither begins nor commits it, so no reader sees a part of the ledger.
 * - Memory holds some thousand rows, for any batch size.
 * - Does not change `ledger_coverage`, because only the caller knows which span is complete. Does not refresh the planner's
 *   statistics: call `refreshStatistics` after adding many rows.
 *
 * @throws Error when the client has no open transaction, or Postgres rejects a row
 */
export async function mergeLedger(
  client: pg.ClientBase,
  tenant: Tenant,
  ledger: Iterable<LedgerBatch> | AsyncIterable<LedgerBatch>,
  { onProgress, assumed }: MergeOptions = {},
): Promise<{ balanceTransactions: number }> {
  if (client.getTransactionStatus() !== 'T') {
    throw new Error(
      `Merging a ledger of ${tenant.accountId} requires an open transaction. Begin one on this client.`,
    )
  }
  const merge = createMerge(client, tenant, assumed)
  await merge.open()
  let balanceTransactions = 0
  // The next rows are read and encoded while Postgres merges. Only one flush runs at a time.
  let flushed: Promise<void> = Promise.resolve()
  const startFlush = async () => {
    const flush = merge.take()
    const rows = balanceTransactions
    await flushed
    flushed = flush().then(() => onProgress?.(rows))
    // Its error is thrown where it is awaited.
    flushed.catch(() => {})
  }
  try {
    for await (const batch of ledger) {
      merge.add(batch)
      balanceTransactions += batch.balanceTransactions.length
      if (merge.pending() >= mergeSize) await startFlush()
    }
    await startFlush()
    await flushed
  } finally {
    // The caller's rollback must be the last statement, even after an error.
    await flushed.catch(() => {})
  }
  return { balanceTransactions }
}

function createMerge(client: pg.ClientBase, tenant: Tenant, assumed: MergeOptions['assumed']) {
  const tables = [
    { rows: 'customers', ...createTableMerge('customers') },
    { rows: 'charges', ...createTableMerge('charges') },
    { rows: 'payouts', ...createTableMerge('payouts') },
    { rows: 'balanceTransactions', ...createTableMerge('balance_transactions', assumed) },
  ] as const
  let feeDetails = new Map<string, LedgerFeeDetail[]>()
  let pending = 0

  return {
    open: async () => {
      for (const table of tables) await table.open(client)
    },
    add: (batch: LedgerBatch) => {
      for (const { rows, add } of tables) {
        add(batch[rows])
        pending += batch[rows].length
      }
      const parts = Map.groupBy(batch.feeDetails, (detail) => detail.balanceTransactionId)
      for (const [id, details] of parts) feeDetails.set(id, details)
    },
    /** Number of rows added since the last `take`, without fee details. */
    pending: () => pending,
    /** Removes the collected rows, and returns a function that writes them to the tables. */
    take: () => {
      const taken = tables.map((table) => table.take(tenant)).filter((rows) => rows !== null)
      const details = feeDetails
      feeDetails = new Map()
      pending = 0
      return async (): Promise<void> => {
        for (const { copy } of taken) await copy(client)
        // In one query: between statements, Postgres would wait until this process has time.
        if (taken.length > 0) await client.query(taken.flatMap(({ statements }) => statements).join(';'))
        await replaceFeeDetails(client, tenant, details)
      }
    },
  }
}

async function replaceFeeDetails(
  client: pg.ClientBase,
  tenant: Tenant,
  details: ReadonlyMap<string, readonly LedgerFeeDetail[]>,
): Promise<void> {
  if (details.size === 0) return
  await client.query(
    `delete from fee_details
     where account_id = $1 and livemode = $2::boolean and balance_transaction_id = any($3::text[])`,
    [tenant.accountId, tenant.livemode, [...details.keys()]],
  )
  await copyRows(client, tenant, 'fee_details', [...details.values()].flat())
}
