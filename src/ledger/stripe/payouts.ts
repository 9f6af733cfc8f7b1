import Stripe from 'stripe'
import { inTransaction } from '../../postgres/client.ts'
import { lockLedger } from '../coverage.ts'
import { mergeLedger } from '../merge.ts'
import { ledgerBatch } from './balance-transaction.ts'
import { chunksOf, payoutRow, timeOf, wholeOf } from './objects.ts'
import { type StripeLedger, type SyncState, writeSyncState } from './sync-state.ts'

/** How long after the arrival of a payout its bank reference can still appear, in milliseconds. */
const maxTraceDelay = 15 * 24 * 60 * 60_000

/** Rows per update. */
const updateSize = 1_000

/** Reads all payouts again that can still change, and returns the new state. */
export async function refreshPayouts(ledger: StripeLedger, state: SyncState): Promise<SyncState> {
  let current = state
  for (const id of new Set([...state.unsettledPayouts, ...state.unsweptPayouts])) {
    const payout = await retrievePayout(ledger.stripe, id)
    const known = current
    current = payout
      ? await inTransaction(ledger.client, () => mergePayout(ledger, known, payout))
      : withoutPayout(known, id)
  }
  return current
}

/** Records whether a payout must be read again. */
export function notePayout(state: SyncState, payout: Stripe.Payout, now: Date): SyncState {
  const { unsettledPayouts, unsweptPayouts, ...others } = withoutPayout(state, payout.id)
  return {
    ...others,
    unsettledPayouts: isUnsettled(payout, now) ? [...unsettledPayouts, payout.id] : unsettledPayouts,
    unsweptPayouts: sweepOf(payout) === 'later' ? [...unsweptPayouts, payout.id] : unsweptPayouts,
  }
}

/** Returns whether the rows that a payout swept are known. For manual payouts, Stripe has none. */
export function sweepOf({ automatic, reconciliation_status: status }: Stripe.Payout) {
  if (!automatic) return 'none'
  if (status === 'completed') return 'known'
  return status === 'in_progress' ? 'later' : 'none'
}

/**
 * Marks the rows that an automatic payout swept into the bank. Rows older than the ledger are not stored, so they are not
 * marked.
 */
export async function markSwept({ stripe, client, tenant }: StripeLedger, payoutId: string): Promise<void> {
  const swept = stripe.balanceTransactions.list({ payout: payoutId, limit: 100 })
  for await (const rows of chunksOf(swept, updateSize)) {
    // The list includes the payout's own row.
    const ids = rows.filter(({ source }) => source !== payoutId).map(({ id }) => id)
    await client.query(
      `update balance_transactions set automatic_payout_id = $3
       where account_id = $1 and livemode = $2 and id = any($4::text[])
         and automatic_payout_id is distinct from $3`,
      [tenant.accountId, tenant.livemode, payoutId, ids],
    )
  }
}

/** Returns true while status, arrival or bank reference can still change without a new balance transaction. */
function isUnsettled({ status, trace_id, arrival_date }: Stripe.Payout, now: Date): boolean {
  if (status === 'pending' || status === 'in_transit') return true
  return trace_id?.status === 'pending' && now.getTime() - timeOf(arrival_date).getTime() < maxTraceDelay
}

function withoutPayout(state: SyncState, id: string): SyncState {
  return {
    ...state,
    unsettledPayouts: state.unsettledPayouts.filter((other) => other !== id),
    unsweptPayouts: state.unsweptPayouts.filter((other) => other !== id),
  }
}

/** Returns null when the payout no longer exists: test data can be deleted. */
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

/** Merges a payout and its balance transaction, because the transaction's effective time depends on the arrival. */
async function mergePayout(ledger: StripeLedger, state: SyncState, payout: Stripe.Payout) {
  const { client, tenant } = ledger
  await lockLedger(client, tenant)
  const transaction = wholeOf(payout.balance_transaction)
  const batch = ledgerBatch(transaction ? [{ ...transaction, source: payout }] : [])
  await mergeLedger(client, tenant, [{ ...batch, payouts: [payoutRow(payout)] }], { isCurrent: true })
  if (state.unsweptPayouts.includes(payout.id) && sweepOf(payout) === 'known')
    await markSwept(ledger, payout.id)
  const next = notePayout(state, payout, ledger.now)
  await writeSyncState(client, tenant, next)
  return next
}
