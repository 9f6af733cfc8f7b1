import type Stripe from 'stripe'
import { inTransaction } from '../../postgres/client.ts'
import { extendCoverage, later, ledgerSides, lockLedger, meetsCoverage } from '../coverage.ts'
import { mergeLedger } from '../merge.ts'
import { emptyBatch, type LedgerBatch } from '../rows.ts'
import { expandTransactions, ledgerBatch } from './balance-transaction.ts'
import { chunksOf, invoiceChargeRow, secondsOf, wholeOf } from './objects.ts'
import { markSwept, notePayout, sweepOf } from './payouts.ts'
import { type StripeLedger, type SyncState, writeSyncState } from './sync-state.ts'

/** A span of time whose balance transactions are stored together. */
export type SyncWindow = {
  from: Date
  /** Exclusive. */
  until: Date
  /** Start of the invoices to search for payments. An invoice can be paid long after its creation. */
  invoicesFrom: Date
}

/** Maximum page size of Stripe. */
const pageSize = 100

/**
 * Reads a window and stores its rows, the sync state and the coverage in one transaction. Memory holds one page and the
 * rows that `mergeLedger` collects.
 *
 * Stripe lists the newest transactions first and adds new ones continuously. A window in the past gets no new transactions,
 * so its pages do not shift.
 *
 * @param onRows called with the number of rows of each page
 */
export async function syncWindow(
  ledger: StripeLedger,
  state: SyncState,
  window: SyncWindow,
  onRows: (rows: number) => void,
): Promise<SyncState> {
  const { stripe, client, tenant } = ledger
  // A returned payout appears twice, with equal data.
  const payouts = new Map<string, Stripe.Payout>()
  async function* batches(): AsyncGenerator<LedgerBatch> {
    const transactions = stripe.balanceTransactions.list({
      created: createdIn(window.from, window.until),
      expand: expandTransactions,
      limit: pageSize,
    })
    for await (const page of chunksOf(transactions, pageSize)) {
      for (const source of page.map((transaction) => wholeOf(transaction.source))) {
        if (source?.object === 'payout') payouts.set(source.id, source)
      }
      onRows(page.length)
      yield ledgerBatch(page)
    }
    // Creating a list sends its first request, so the list is created only after the transactions are read.
    const invoicePayments = stripe.invoicePayments.list({
      created: createdIn(window.invoicesFrom, window.until),
      expand: ['data.invoice', 'data.payment.payment_intent'],
      status: 'paid',
      limit: pageSize,
    })
    for await (const page of chunksOf(invoicePayments, pageSize)) {
      const charges = page.map(invoiceChargeRow).filter((charge) => charge !== null)
      yield { ...emptyBatch(), charges }
    }
  }
  return inTransaction(client, async () => {
    await lockLedger(client, tenant)
    await mergeLedger(client, tenant, batches(), { isCurrent: true })
    let next: SyncState = { ...state, until: later(window.until, state.until) }
    for (const payout of payouts.values()) {
      if (sweepOf(payout) === 'known') await markSwept(ledger, payout.id)
      next = notePayout(next, payout, ledger.now)
    }
    await writeSyncState(client, tenant, next)
    // A sync that restarted from an earlier time extends the coverage only when it reaches it.
    if (await meetsCoverage(client, tenant, next)) await extendCoverage(client, tenant, next, ledgerSides)
    return next
  })
}

function createdIn(from: Date, until: Date) {
  return { gte: secondsOf(from), lt: secondsOf(until) }
}
