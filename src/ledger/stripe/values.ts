import type Stripe from 'stripe'
import type { LedgerAddress } from '../rows.ts'

/** A time of the API, which counts seconds. */
export function timeOf(seconds: number): Date {
  return new Date(seconds * 1000)
}

/** Seconds, as the API wants times. */
export function secondsOf(time: Date): number {
  return Math.floor(time.getTime() / 1000)
}

/** An address with nothing in it is none. */
export function addressOf(address: Stripe.Address | null | undefined): LedgerAddress | null {
  if (!address) return null
  const { line1, line2, city, state, postal_code, country } = address
  const parts = { line1, line2, city, state, postal_code, country }
  return Object.values(parts).some(Boolean) ? parts : null
}

/** Metadata without a single key is none. */
export function metadataOf(metadata: Stripe.Metadata | null | undefined): Stripe.Metadata | null {
  return metadata && Object.keys(metadata).length > 0 ? metadata : null
}
