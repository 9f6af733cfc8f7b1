import type pg from 'pg'
import type Stripe from 'stripe'
import type { Tenant } from '../../tenant.ts'

/** An account at Stripe, the ledger that it is read into, and when. */
export type StripeLedger = {
  stripe: Stripe
  client: pg.ClientBase
  tenant: Tenant
  now: Date
}
