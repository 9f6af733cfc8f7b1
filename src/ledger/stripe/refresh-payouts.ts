import Stripe from 'stripe'
import { inTransaction } from '../../postgres/in-transaction.ts'
import { lockLedger } from '../coverage.ts'
import { mergeLedger } from '../merge.ts'
import { ledgerBatch } from './balance-transaction.ts'
import { wholeOf } from './expandable.ts'
import { markSwept } from './mark-swept.ts'
import { forgetPayout, notePayout } from './open-payouts.ts'
import { payoutRow, sweepOf } from './payout.ts'
import type { StripeLedger } from './stripe-ledger.ts'
import { type SyncState, writeSyncState } from './sync-state.ts'

/** Reads the payouts again that could still change when they were last read. Gives the state that is known then. */
export async function refreshPayouts(ledger: StripeLedger, state: SyncState): Promise<SyncState> {
  let current = state
  for (const id of new Set([...state.unsettledPayouts, ...state.unsweptPayouts])) {
    const payout = await retrievePayout(ledger.stripe, id)
    const known = current
    current = payout
      ? await inTransaction(ledger.client, () => mergePayout(ledger, known, payout))
      : forgetPayout(known, id)
  }
  return current
}

/** Null when it is gone: data of test mode can be deleted. */
async function retrievePayout(stripe: Stripe, id: string): Promise<Stripe.Payout | null> {
  try {
    return await stripe.payouts.retrieve(id, {
      expand: ['balance_transaction', 'failure_balance_transaction'],
    })
  } catch (error) {
    if (error instanceof Stripe.errors.StripeInvalidRequestError && error.code === 'resource_missing')
      return null
    throw error
  }
}

/** Its row is merged as well, because it moves when the payout's arrival does. */
async function mergePayout(
  ledger: StripeLedger,
  state: SyncState,
  payout: Stripe.Payout,
): Promise<SyncState> {
  const { client, tenant } = ledger
  await lockLedger(client, tenant)
  const transaction = wholeOf(payout.balance_transaction)
  const batch = ledgerBatch(transaction ? [{ ...transaction, source: payout }] : [])
  await mergeLedger(client, tenant, [{ ...batch, payouts: [payoutRow(payout)] }])
  if (state.unsweptPayouts.includes(payout.id) && sweepOf(payout) === 'known')
    await markSwept(ledger, payout.id)
  const next = notePayout(state, payout, ledger.now)
  await writeSyncState(client, tenant, next)
  return next
}
