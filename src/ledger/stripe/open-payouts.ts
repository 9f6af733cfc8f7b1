import type Stripe from 'stripe'
import { isUnsettled, sweepOf } from './payout.ts'
import type { SyncState } from './sync-state.ts'

const having = (ids: readonly string[], id: string, isOpen: boolean): string[] => [
  ...ids.filter((other) => other !== id),
  ...(isOpen ? [id] : []),
]

/** Notes whether a payout that was read has to be read again. */
export const notePayout = (state: SyncState, payout: Stripe.Payout, now: Date): SyncState => ({
  ...state,
  unsettledPayouts: having(state.unsettledPayouts, payout.id, isUnsettled(payout, now)),
  unsweptPayouts: having(state.unsweptPayouts, payout.id, sweepOf(payout) === 'later'),
})

/** Notes that a payout is gone. */
export const forgetPayout = (state: SyncState, id: string): SyncState => ({
  ...state,
  unsettledPayouts: having(state.unsettledPayouts, id, false),
  unsweptPayouts: having(state.unsweptPayouts, id, false),
})
