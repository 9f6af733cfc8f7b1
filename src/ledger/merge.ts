import type pg from 'pg'
import type { Tenant } from '../tenant.ts'
import { checkPayouts } from './check-payouts.ts'
import { copyRows } from './copy.ts'
import type { FieldMergeOptions } from './field-merge.ts'
import { createTableMerge } from './merge-table.ts'
import type { LedgerBalanceTransaction, LedgerBatch, LedgerFeeDetail, LedgerPayout } from './rows.ts'
import { settlePayouts } from './settle-payouts.ts'
import { createFactCheck } from './transaction-facts.ts'

export type MergeOptions = {
  /** Called from time to time with the number of balance transactions merged so far. Duplicates count each time. */
  onProgress?: ((rows: number) => void) | undefined
  /**
   * Fields of balance transactions that this ledger only assumes. They fill new rows and never replace existing values.
   */
  assumed?: readonly (keyof LedgerBalanceTransaction)[]
  /**
   * True when the ledger shows the present state of its objects, as Stripe's API does. Otherwise it can be older than
   * the existing rows, and the state that comes later in the life of a payout wins.
   */
  isCurrent?: boolean
}

/** Rows per merge: many enough to make the cost per row small, few enough for memory. */
const mergeSize = 20_000

/**
 * Merges a ledger into the ledger tables of the search path by object id.
 *
 * - A null or absent field of a new row keeps the existing value, so a later ledger can complete rows. Keys of metadata
 *   and parts of an address are joined. The fee details of a transaction are replaced as a whole, so they must come in
 *   one batch.
 * - Parts of one ledger give the same rows in any order; see `fieldMerges` and `settlePayouts`.
 * - A balance transaction never changes; see transaction-facts.ts. What holds for every payout is in check-payouts.ts.
 * - Idempotent: merging an object again changes nothing.
 * - Runs in the caller's open transaction, and neither begins nor commits it, so no reader sees a part of the ledger.
 * - Memory holds some thousand rows, for any batch size.
 * - Does not change `ledger_coverage`, because only the caller knows which span is complete. Does not refresh the planner's
 *   statistics: call `refreshStatistics` after adding many rows.
 *
 * @throws ContradictionError when two rows contradict each other about a balance transaction
 * @throws Error when the client has no open transaction, or Postgres rejects a row
 */
export async function mergeLedger(
  client: pg.ClientBase,
  tenant: Tenant,
  ledger: Iterable<LedgerBatch> | AsyncIterable<LedgerBatch>,
  { onProgress, assumed = [], isCurrent = false }: MergeOptions = {},
): Promise<{ balanceTransactions: number }> {
  if (client.getTransactionStatus() !== 'T') {
    throw new Error(
      `Merging a ledger of ${tenant.accountId} requires an open transaction. Begin one on this client.`,
    )
  }
  const merge = createMerge(client, tenant, { assumed, isCurrent })
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
    await settlePayouts(client, tenant, merge.payoutIds)
    await checkPayouts(client, tenant, merge.payoutIds)
  } finally {
    // The caller's rollback must be the last statement, even after an error.
    await flushed.catch(() => {})
  }
  return { balanceTransactions }
}

function createMerge(client: pg.ClientBase, tenant: Tenant, options: FieldMergeOptions) {
  const { compare, compareStored } = createFactCheck(options)
  const tables = [
    { rows: 'customers', ...createTableMerge('customers', options) },
    { rows: 'charges', ...createTableMerge('charges', options) },
    { rows: 'payouts', ...createTableMerge('payouts', options) },
    {
      rows: 'balanceTransactions',
      ...createTableMerge('balance_transactions', { ...options, check: compare }),
    },
  ] as const
  const [, , { add: addPayouts }] = tables
  // Stripe's API has the payout itself.
  const knowsCreation = !options.isCurrent && !options.assumed.includes('created')
  const payoutIds = new Set<string>()
  let feeDetails = new Map<string, LedgerFeeDetail[]>()
  let pending = 0

  return {
    /** The payouts of the rows that were added. */
    payoutIds,
    open: async () => {
      for (const table of tables) await table.open(client)
    },
    add: (batch: LedgerBatch) => {
      for (const { rows, add } of tables) {
        add(batch[rows])
        pending += batch[rows].length
      }
      for (const { id } of batch.payouts) payoutIds.add(id)
      for (const { payoutId } of batch.balanceTransactions) if (payoutId) payoutIds.add(payoutId)
      if (knowsCreation) addPayouts(batch.balanceTransactions.flatMap(payoutFacts))
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
        const transactions = taken.find(({ table }) => table === 'balance_transactions')
        const areNew = transactions !== undefined && (await areAllAdded(client, transactions))
        if (transactions && !areNew) await compareStored(client, tenant)
        // In one query: between statements, Postgres would wait until this process has time.
        const merges = taken.flatMap(({ table, merge, clear }) =>
          table === 'balance_transactions' && areNew ? [clear] : [merge, clear],
        )
        if (taken.length > 0) await client.query(merges.join(';'))
        await replaceFeeDetails(client, tenant, details)
      }
    },
  }
}

/**
 * Adds the balance transactions that are new. When all are, there is nothing to compare or to merge, which halves the time of
 * Postgres for a new ledger. For the comparison, the planner would even read the whole ledger for each part of a file, as long
 * as the statistics do not have it.
 *
 * @returns false when the ledger has some of them
 */
async function areAllAdded(
  client: pg.ClientBase,
  { rowCount, addNew }: { rowCount: number; addNew: string },
): Promise<boolean> {
  return (await client.query(addNew)).rowCount === rowCount
}

/** The creation time of a payout from its own row, which distinguishes it from the effective time in other exports. */
function payoutFacts({
  reportingCategory,
  payoutId,
  currency,
  created,
}: LedgerBalanceTransaction): LedgerPayout[] {
  return reportingCategory === 'payout' && payoutId ? [{ id: payoutId, currency, created }] : []
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
