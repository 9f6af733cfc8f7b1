import type Stripe from 'stripe'
import type { LedgerCharge } from '../rows.ts'
import { idOf, wholeOf } from './expandable.ts'

/** What a paid invoice tells of its charge; null when it was paid by none, from the customer's balance, say. */
export function invoiceChargeRow({ payment, invoice: link }: Stripe.InvoicePayment): LedgerCharge | null {
  const id = idOf(payment.charge) ?? idOf(wholeOf(payment.payment_intent)?.latest_charge)
  if (id === null) return null
  const invoice = wholeOf(link)
  if (!invoice || invoice.deleted) return { id, invoiceId: idOf(link) }
  return {
    id,
    invoiceId: invoice.id,
    invoiceNumber: invoice.number,
    subscriptionId: idOf(invoice.parent?.subscription_details?.subscription),
  }
}
