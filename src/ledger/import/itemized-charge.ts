import type { LedgerAddress, LedgerCharge, LedgerCustomer } from '../rows.ts'
import type { Columns, Line, Reader } from './columns.ts'

const addressParts = ['line1', 'line2', 'city', 'state', 'postal_code', 'country'] as const

/** Reads what a line of an itemized report says of its charge, whose id the caller knows. */
export function chargeReader(columns: Columns): (line: Line, id: string) => LedgerCharge {
  const metadata = columns.metadata(/^payment_metadata\[(.+)\]$/)
  const created = columns.time('charge_created_utc', 'charge_created')
  const paymentIntentId = columns.text('payment_intent_id')
  const customerId = columns.text('customer_id')
  const invoiceId = columns.text('invoice_id')
  const invoiceNumber = columns.text('invoice_number')
  const subscriptionId = columns.text('subscription_id')
  const orderId = columns.text('order_id')
  const paymentMethodType = columns.text('payment_method_type')
  const isLink = columns.flag('is_link')
  const cardBrand = columns.text('card_brand')
  const cardFunding = columns.text('card_funding')
  const cardCountry = columns.text('card_country')
  const statementDescriptor = columns.text('statement_descriptor')
  const shippingAddress = addressReader(columns, 'shipping_address')
  const cardAddress = addressReader(columns, 'card_address')
  return (line, id) => ({
    id,
    created: created(line),
    paymentIntentId: paymentIntentId(line),
    customerId: customerId(line),
    invoiceId: invoiceId(line),
    invoiceNumber: invoiceNumber(line),
    subscriptionId: subscriptionId(line),
    orderId: orderId(line),
    paymentMethodType: paymentMethodType(line),
    isLink: isLink(line),
    cardBrand: cardBrand(line),
    cardFunding: cardFunding(line),
    cardCountry: cardCountry(line),
    statementDescriptor: statementDescriptor(line),
    shippingAddress: shippingAddress(line),
    cardAddress: cardAddress(line),
    metadata: metadata(line),
  })
}

/** Reads what a line of an itemized report says of its customer; null when it names none. */
export function customerReader(columns: Columns): Reader<LedgerCustomer> {
  const id = columns.text('customer_id')
  const email = columns.text('customer_email')
  const name = columns.text('customer_name')
  const description = columns.text('customer_description')
  const address = addressReader(columns, 'customer_address')
  const shippingAddress = addressReader(columns, 'customer_shipping_address')
  return (line) => {
    const customerId = id(line)
    return customerId === null
      ? null
      : {
          id: customerId,
          email: email(line),
          name: name(line),
          description: description(line),
          address: address(line),
          shippingAddress: shippingAddress(line),
        }
  }
}

/** An address in as many of its six columns as there are; null when all are empty. */
function addressReader(columns: Columns, prefix: string): Reader<LedgerAddress> {
  const readers = addressParts
    .filter((part) => columns.has(`${prefix}_${part}`))
    .map((part) => [part, columns.text(`${prefix}_${part}`)] as const)
  // Asked four times for each line, so nothing is made but the address.
  return (line) => {
    const address: LedgerAddress = {}
    let isEmpty = true
    for (const [part, read] of readers) {
      const text = read(line)
      address[part] = text
      isEmpty &&= text === null
    }
    return isEmpty ? null : address
  }
}
