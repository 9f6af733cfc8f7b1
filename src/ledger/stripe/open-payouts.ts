import type Stripe from 'stripe'
import { isUnsettled, sweepOf } from './payout.ts'
import type { SyncState } from './sync-state.ts'

/** Notes whether a payout that was read has to be read again. */
export function notePayout(state: SyncState, payout: Stripe.Payout, now: Date): SyncState {
  return {
    ...state,
    unsettledPayouts: having(state.unsettledPayouts, payout.id, isUnsettled(payout, now)),
    unsweptPayouts: having(state.unsweptPayouts, payout.id, sweepOf(payout) === 'later'),
  }
}

/** Notes that a payout is gone. */
export function forgetPayout(state: SyncState, id: string): SyncState {
  return {
    ...state,
    unsettledPayouts: having(state.unsettledPayouts, id, false),
    unsweptPayouts: having(state.unsweptPayouts, id, false),
  }
}

function having(ids: readonly string[], id: string, isOpen: boolean): string[] {
  return [...ids.filter((other) => other !== id), ...(isOpen ? [id] : [])]
}
