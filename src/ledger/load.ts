import type pg from 'pg'
import type { Tenant } from '../tenant.ts'
import { copyRows } from './copy.ts'
import type { LedgerBatch } from './rows.ts'
import { refreshStatistics } from './statistics.ts'

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
export async function loadLedger(
  client: pg.ClientBase,
  tenant: Tenant,
  ledger: Iterable<LedgerBatch> | AsyncIterable<LedgerBatch>,
  onProgress?: (rows: number) => void,
): Promise<{ balanceTransactions: number }> {
  let balanceTransactions = 0
  for await (const batch of ledger) {
    await copyRows(client, tenant, 'customers', batch.customers)
    await copyRows(client, tenant, 'charges', batch.charges)
    await copyRows(client, tenant, 'payouts', batch.payouts)
    await copyRows(client, tenant, 'balance_transactions', batch.balanceTransactions)
    await copyRows(client, tenant, 'fee_details', batch.feeDetails)
    balanceTransactions += batch.balanceTransactions.length
    onProgress?.(balanceTransactions)
  }
  await refreshStatistics(client)
  return { balanceTransactions }
}
