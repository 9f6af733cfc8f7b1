import type Stripe from 'stripe'
import { inTransaction } from '../../postgres/in-transaction.ts'
import { extendCoverage, ledgerSides, lockLedger, meetsCoverage } from '../coverage.ts'
import { mergeLedger } from '../merge.ts'
import type { LedgerBatch } from '../rows.ts'
import { expandTransactions, ledgerBatch } from './balance-transaction.ts'
import { chunksOf } from './chunks.ts'
import { invoiceChargeRow, secondsOf, wholeOf } from './objects.ts'
import { markSwept, notePayout, sweepOf } from './payouts.ts'
import { type StripeLedger, type SyncState, writeSyncState } from './sync-state.ts'

/** A span of time whose balance transactions are read and stored together. */
export type SyncWindow = {
  from: Date
  /** Exclusive. */
  until: Date
  /** From when on invoices are looked through for payments: one may be paid long after it was made out. */
  invoicesFrom: Date
}

/** Most that Stripe gives at once. */
const pageSize = 100

/**
 * Reads a window and stores it: its rows, the state that the next window begins with, and what the ledger covers, in one
 * transaction. Memory holds a page of it and what `mergeLedger` holds.
 *
 * Stripe lists the newest first, and new ones come all the time. A window that has ended gets no more of them, so its
 * pages do not move while they are turned.
 *
 * @param onRows told of the rows of each page
 */
export async function syncWindow(
  ledger: StripeLedger,
  state: SyncState,
  window: SyncWindow,
  onRows: (rows: number) => void,
): Promise<SyncState> {
  const { stripe, client, tenant } = ledger
  // A payout that has come back is met twice, the same each time.
  const payouts = new Map<string, Stripe.Payout>()
  async function* batches(): AsyncGenerator<LedgerBatch> {
    for await (const transactions of transactionsOf(stripe, window)) {
      for (const payout of payoutsOf(transactions)) payouts.set(payout.id, payout)
      onRows(transactions.length)
      yield ledgerBatch(transactions)
    }
    yield* invoiceBatches(stripe, window)
  }
  return inTransaction(client, async () => {
    await lockLedger(client, tenant)
    await mergeLedger(client, tenant, batches())
    let next: SyncState = { ...state, until: window.until > state.until ? window.until : state.until }
    for (const payout of payouts.values()) {
      if (sweepOf(payout) === 'known') await markSwept(ledger, payout.id)
      next = notePayout(next, payout, ledger.now)
    }
    await writeSyncState(client, tenant, next)
    // A sync that began anew, earlier, has first to come to what is covered.
    if (await meetsCoverage(client, tenant, next)) await extendCoverage(client, tenant, next, ledgerSides)
    return next
  })
}

function createdIn(from: Date, until: Date) {
  return { gte: secondsOf(from), lt: secondsOf(until) }
}

function payoutsOf(transactions: readonly Stripe.BalanceTransaction[]): Stripe.Payout[] {
  return transactions.flatMap(({ source: link }) => {
    const source = wholeOf(link)
    return source?.object === 'payout' ? [source] : []
  })
}

async function* transactionsOf(
  stripe: Stripe,
  { from, until }: SyncWindow,
): AsyncGenerator<Stripe.BalanceTransaction[]> {
  const created = createdIn(from, until)
  const expand = expandTransactions
  yield* chunksOf(stripe.balanceTransactions.list({ created, expand, limit: pageSize }), pageSize)
}

async function* invoiceBatches(
  stripe: Stripe,
  { invoicesFrom, until }: SyncWindow,
): AsyncGenerator<LedgerBatch> {
  const created = createdIn(invoicesFrom, until)
  const expand = ['data.invoice', 'data.payment.payment_intent']
  const paid = stripe.invoicePayments.list({ created, expand, status: 'paid', limit: pageSize })
  for await (const payments of chunksOf(paid, pageSize)) {
    const charges = payments.map(invoiceChargeRow).filter((charge) => charge !== null)
    yield { ...ledgerBatch([]), charges }
  }
}
