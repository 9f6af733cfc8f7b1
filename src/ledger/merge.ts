import type pg from 'pg'
import type { Tenant } from '../tenant.ts'
import { copyRows } from './copy.ts'
import { createTableMerge } from './merge-table.ts'
import type { LedgerBalanceTransaction, LedgerBatch, LedgerFeeDetail } from './rows.ts'

export type MergeOptions = {
  /** Called now and then with the number of balance transactions merged so far; one that comes twice counts twice. */
  onProgress?: ((rows: number) => void) | undefined
  /**
   * Fields of balance transactions that this ledger assumes and does not know: they fill new rows, and never take the
   * place of what is there.
   */
  assumed?: readonly (keyof LedgerBalanceTransaction)[]
}

/** Rows that are merged at once: enough that a statement costs little for each, few enough to hold. */
const rowsAtOnce = 20_000

/**
 * Merges a ledger into the ledger tables of the search path, each object by its id.
 *
 * - What is null or absent in a new row keeps what is known, so a later ledger that says more completes the rows. Keys of
 *   metadata are joined, and so are the parts of an address; the fee details of a transaction are replaced as a whole, and
 *   have to come in one batch. An object may come any number of times: merging twice is merging once.
 * - Runs in the transaction that the caller has open, and neither begins nor commits: no reader sees a part of it.
 * - Memory holds some thousand rows, whatever the size of the batches.
 * - Does not touch `ledger_coverage`, since only the caller knows what span is complete, nor the planner's statistics:
 *   call `refreshStatistics` when many rows are new.
 *
 * @throws Error when the client has no transaction open, or Postgres refuses a row
 */
export async function mergeLedger(
  client: pg.ClientBase,
  tenant: Tenant,
  ledger: Iterable<LedgerBatch> | AsyncIterable<LedgerBatch>,
  { onProgress, assumed }: MergeOptions = {},
): Promise<{ balanceTransactions: number }> {
  if (client.getTransactionStatus() !== 'T') {
    throw new Error(
      `Merging a ledger of ${tenant.accountId} needs an open transaction: begin one on this client.`,
    )
  }
  const merge = createMerge(client, tenant, assumed)
  await merge.open()
  let balanceTransactions = 0
  // While Postgres merges, the next rows are read and encoded. Only one flush runs at a time.
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
      if (merge.pending() >= rowsAtOnce) await startFlush()
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
    /** How many rows have come since some were taken; of fee details none. */
    pending: () => pending,
    /** Takes the rows that are held, and returns a function that writes them to the tables. */
    take: () => {
      const taken = tables.map((table) => table.take(tenant)).filter((rows) => rows !== null)
      const details = feeDetails
      feeDetails = new Map()
      pending = 0
      return async (): Promise<void> => {
        for (const { copy } of taken) await copy(client)
        // At once, because between statements Postgres would wait until this process has time for it.
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
