import type pg from 'pg'
import type Stripe from 'stripe'
import type { LedgerOwner } from '../rows.ts'

/** An account at Stripe, and the ledger that it is read into. */
export type StripeLedger = {
  stripe: Stripe
  client: pg.ClientBase
  owner: LedgerOwner
}
