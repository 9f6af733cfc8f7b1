import type Stripe from 'stripe'
import type { LedgerAddress, LedgerCharge, LedgerCustomer, LedgerPayout } from '../rows.ts'

type Link<Whole> = string | Whole | null | undefined

/** Converts a charge into a row without invoice fields: the API has them in invoice payments; see `invoiceChargeRow`. */
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
    // Metadata of the payment intent overrides metadata of the charge.
    metadata: metadataOf({ ...charge.metadata, ...intent?.metadata }),
  }
}

/** Returns null for a deleted customer: only the id is left, and the charge has it as well. */
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

/**
 * Returns the invoice fields of a charge; null when no charge paid the invoice, for example when the customer's balance
 * did.
 */
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

/**
 * Returns when the money leaves the balance: at the arrival of an automatic payout, at the creation of a manual one. The
 * arrival is a date, so it can be before the creation on that day.
 */
export function payoutEffectiveAt({ automatic, arrival_date, created }: Stripe.Payout): Date {
  return timeOf(automatic ? Math.max(arrival_date, created) : created)
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

/** Returns the id of an object that the API returns as an id or expanded. */
export function idOf(link: Link<{ id: string }>): string | null {
  return typeof link === 'string' ? link : (link?.id ?? null)
}

/** Returns the object when the API expanded it, and otherwise null. */
export function wholeOf<Whole extends { id: string }>(link: Link<Whole>): Whole | null {
  return typeof link === 'string' ? null : (link ?? null)
}

/** Converts a time of the API, in seconds. */
export function timeOf(seconds: number): Date {
  return new Date(seconds * 1000)
}

/** Converts a time into seconds for the API. */
export function secondsOf(time: Date): number {
  return Math.floor(time.getTime() / 1000)
}

/** Returns null for metadata without keys. */
export function metadataOf(metadata: Stripe.Metadata | null | undefined): Stripe.Metadata | null {
  return metadata && Object.keys(metadata).length > 0 ? metadata : null
}

/** Groups items into chunks of `size`. The last chunk can be smaller. */
export async function* chunksOf<Item>(items: AsyncIterable<Item>, size: number): AsyncGenerator<Item[]> {
  let chunk: Item[] = []
  for await (const item of items) {
    if (chunk.push(item) < size) continue
    yield chunk
    chunk = []
  }
  if (chunk.length > 0) yield chunk
}

/** Returns null for an address without any part. */
function addressOf(address: Stripe.Address | null | undefined): LedgerAddress | null {
  if (!address) return null
  const { line1, line2, city, state, postal_code, country } = address
  const parts = { line1, line2, city, state, postal_code, country }
  return Object.values(parts).some(Boolean) ? parts : null
}

/** Returns the payment method of a charge. Cards in readers are cards, too. */
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
