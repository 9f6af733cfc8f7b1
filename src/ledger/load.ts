import type pg from 'pg'
import type { Tenant } from '../tenant.ts'
import { copyRows } from './copy.ts'
import type { LedgerBatch } from './rows.ts'

// Only the columns that reports join and filter by. The JSON columns would take most of the time.
const analyze = `
  analyze
    balance_transactions (account_id, livemode, id, reporting_category, currency, created, effective_at, charge_id,
      payout_id, automatic_payout_id),
    charges (account_id, livemode, id, created, customer_id),
    payouts (account_id, livemode, id, currency, created, effective_at, is_automatic),
    customers (account_id, livemode, id),
    fee_details (account_id, livemode, balance_transaction_id)`

/**
 * Appends a ledger to the ledger tables of the search path with COPY, batch by batch. Memory holds one batch.
 *
 * - Runs in the caller's open transaction. Without one, each table of each batch is its own transaction.
 * - Does not change `ledger_coverage`: only the caller knows which span is complete.
 * - Refreshes the planner's statistics afterwards, so that the first report gets a good plan.
 * - Rejects on the first row that Postgres rejects (a duplicate id, for example). The client stays usable.
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

/** Refreshes the planner's statistics, so that the next report gets a good plan. */
export async function refreshStatistics(client: pg.ClientBase): Promise<void> {
  await client.query(analyze)
}
