import type Stripe from 'stripe'
import type { LedgerCharge } from '../rows.ts'
import { idOf, wholeOf } from './expandable.ts'
import { addressOf, metadataOf, timeOf } from './values.ts'

/** A charge without its invoice, of which it knows nothing: that is in the invoice's payments. */
export function chargeRow(charge: Stripe.Charge): LedgerCharge {
  const intent = wholeOf(charge.payment_intent)
  return {
    id: charge.id,
    created: timeOf(charge.created),
    paymentIntentId: idOf(charge.payment_intent),
    customerId: idOf(charge.customer),
    orderId: intent?.payment_details?.order_reference ?? null,
    ...paymentMethodColumns(charge),
    statementDescriptor: charge.statement_descriptor ?? charge.statement_descriptor_suffix,
    shippingAddress: addressOf(charge.shipping?.address),
    // The payment's metadata are those of its intent, then those of the charge.
    metadata: metadataOf({ ...charge.metadata, ...intent?.metadata }),
  }
}

/** How it was paid. A card in a reader is a card, too. */
function paymentMethodColumns({
  payment_method_details: details,
  billing_details: billing,
}: Stripe.Charge): Partial<LedgerCharge> {
  if (!details) return {}
  const card = details.card ?? details.card_present ?? details.interac_present
  return {
    paymentMethodType: details.type,
    isLink: details.type === 'link' || details.card?.wallet?.type === 'link',
    cardBrand: card?.brand ?? null,
    cardFunding: card?.funding ?? null,
    cardCountry: card?.country ?? null,
    cardAddress: card ? addressOf(billing.address) : null,
  }
}
