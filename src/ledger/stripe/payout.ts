import type Stripe from 'stripe'
import type { LedgerPayout } from '../rows.ts'
import { idOf, wholeOf } from './expandable.ts'
import { timeOf } from './values.ts'

/** When the money leaves the balance: an automatic payout's arrival, a manual one's creation. */
export function payoutEffectiveAt({ automatic, arrival_date, created }: Stripe.Payout): Date {
  return timeOf(automatic ? arrival_date : created)
}

export function payoutRow(payout: Stripe.Payout): LedgerPayout {
  const failure = wholeOf(payout.failure_balance_transaction)
  return {
    id: payout.id,
    amount: payout.amount,
    currency: payout.currency,
    created: timeOf(payout.created),
    arrivalDate: timeOf(payout.arrival_date),
    effectiveAt: payoutEffectiveAt(payout),
    isAutomatic: payout.automatic,
    status: payout.status,
    type: payout.type,
    description: payout.description,
    destinationId: idOf(payout.destination),
    reversedAt: failure && timeOf(failure.created),
    traceId: payout.trace_id?.value ?? null,
    traceIdStatus: payout.trace_id?.status ?? null,
    statementDescriptor: payout.statement_descriptor,
  }
}

/** For so long after its arrival, in milliseconds, a payout may still get its bank's reference. */
const tracePatience = 15 * 24 * 60 * 60_000

/** True while its status, its arrival or its bank's reference may still change without a new balance transaction. */
export function isUnsettled({ status, trace_id, arrival_date }: Stripe.Payout, now: Date): boolean {
  if (status === 'pending' || status === 'in_transit') return true
  return trace_id?.status === 'pending' && now.getTime() - timeOf(arrival_date).getTime() < tracePatience
}

/** What is known of the rows that a payout swept into the bank: a manual one swept none that Stripe could name. */
export function sweepOf({
  automatic,
  reconciliation_status: status,
}: Stripe.Payout): 'none' | 'later' | 'known' {
  if (!automatic) return 'none'
  if (status === 'completed') return 'known'
  return status === 'in_progress' ? 'later' : 'none'
}
