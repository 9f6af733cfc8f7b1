import type pg from 'pg'
import type Stripe from 'stripe'
import type { LedgerOwner } from '../rows.ts'

/** An account at Stripe, the ledger that it is read into, and when. */
export type StripeLedger = {
  stripe: Stripe
  client: pg.ClientBase
  owner: LedgerOwner
  now: Date
}
