import type Stripe from 'stripe'
import type { LedgerCustomer } from '../rows.ts'
import { addressOf } from './values.ts'

/** Null for a customer who was deleted: all that is left is the id, which the charge has as well. */
export function customerRow(customer: Stripe.Customer | Stripe.DeletedCustomer): LedgerCustomer | null {
  if (customer.deleted) return null
  const { id, email, name, description, address, shipping } = customer
  return {
    id,
    email,
    name: name ?? null,
    description,
    address: addressOf(address),
    shippingAddress: addressOf(shipping?.address),
  }
}
