import { addressParts, type LedgerAddress, type LedgerCharge, type LedgerCustomer } from '../rows.ts'
import { type Columns, fieldsReader, type Line, type Reader } from './columns.ts'

/** Creates a reader for the charge of a line in an itemized report. The caller passes the charge id. */
export function chargeReader(columns: Columns): (line: Line, id: string) => LedgerCharge {
  const read = fieldsReader({
    created: columns.time('charge_created_utc', 'charge_created'),
    paymentIntentId: columns.text('payment_intent_id'),
    customerId: columns.text('customer_id'),
    invoiceId: columns.text('invoice_id'),
    invoiceNumber: columns.text('invoice_number'),
    subscriptionId: columns.text('subscription_id'),
    orderId: columns.text('order_id'),
    paymentMethodType: columns.text('payment_method_type'),
    isLink: columns.flag('is_link'),
    cardBrand: columns.text('card_brand'),
    cardFunding: columns.text('card_funding'),
    cardCountry: columns.text('card_country'),
    statementDescriptor: columns.text('statement_descriptor'),
    shippingAddress: addressReader(columns, 'shipping_address'),
    cardAddress: addressReader(columns, 'card_address'),
    metadata: columns.metadata(/^payment_metadata\[(.+)\]$/),
  })
  return (line, id) => ({ id, ...read(line) })
}

/** Creates a reader for the customer of a line in an itemized report; null when the line has none. */
export function customerReader(columns: Columns): Reader<LedgerCustomer> {
  const customerId = columns.text('customer_id')
  const read = fieldsReader({
    email: columns.text('customer_email'),
    name: columns.text('customer_name'),
    description: columns.text('customer_description'),
    address: addressReader(columns, 'customer_address'),
    shippingAddress: addressReader(columns, 'customer_shipping_address'),
  })
  return (line) => {
    const id = customerId(line)
    return id === null ? null : { id, ...read(line) }
  }
}

/** Reads an address from those of its six columns that exist; null when all are empty. */
function addressReader(columns: Columns, prefix: string): Reader<LedgerAddress> {
  const readers = addressParts
    .filter((part) => columns.has(`${prefix}_${part}`))
    .map((part) => [part, columns.text(`${prefix}_${part}`)] as const)
  // Called four times for each line, so it allocates only the address.
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
