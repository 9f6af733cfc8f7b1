import type Stripe from 'stripe'
import { inTransaction } from '../../postgres/client.ts'
import { extendCoverage, later, ledgerSides, lockLedger, meetsCoverage } from '../coverage.ts'
import { mergeLedger } from '../merge.ts'
import { emptyBatch, type LedgerBatch } from '../rows.ts'
import { expandTransactions, ledgerBatch } from './balance-transaction.ts'
import { chunksOf, invoiceChargeRow, secondsOf, wholeOf } from './objects.ts'
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

/** Maximum that Stripe returns at once. */
const pageSize = 100

/**
 * Reads a window and stores it: its rows, the state that the next window begins with, and what the ledger covers, in one
 * transaction. Memory holds a page of it and what `mergeLedger` holds.
 *
 * Stripe lists the newest first, and new ones come all the time. A window that has ended gets no more of them, so its
 * pages do not move while they are turned.
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
  // A payout that has come back is met twice, the same each time.
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
    // A list is requested when it is created, so not before the rows above are there.
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
    await mergeLedger(client, tenant, batches())
    let next: SyncState = { ...state, until: later(window.until, state.until) }
    for (const payout of payouts.values()) {
      if (sweepOf(payout) === 'known') await markSwept(ledger, payout.id)
      next = notePayout(next, payout, ledger.now)
    }
    await writeSyncState(client, tenant, next)
    // A sync that began again, earlier, must first reach what is covered.
    if (await meetsCoverage(client, tenant, next)) await extendCoverage(client, tenant, next, ledgerSides)
    return next
  })
}

function createdIn(from: Date, until: Date) {
  return { gte: secondsOf(from), lt: secondsOf(until) }
}
