import type { DemoBook } from './book.ts'
import { businessDaysAfter, type Day, dayOf, dayOfMonth, isLastOfMonth, momentOf } from './calendar.ts'
import type { DemoCustomer } from './customers.ts'
import type { DemoMarket, DemoPaymentMethod } from './markets.ts'
import { demoAwkwardText } from './people.ts'
import type { DemoBalanceTransaction, DemoCharge } from './rows.ts'

/** A sale: its balance transaction, and data for later events. */
export type DemoSale = {
  transaction: DemoBalanceTransaction
  isCard: boolean
  isSubscription: boolean
  orderId: string
}

const hour = 3600

/**
 * Seconds of the day at which a month's first and last day always have a sale: at the ends of the UTC day and around
 * midnight in New York (UTC−5 or −4) and Berlin (UTC+1 or +2), where errors with half-open intervals and timezones show
 * first.
 */
const firstDayEdges = [0, 4 * hour - 1, 4 * hour, 5 * hour - 1, 5 * hour]
const lastDayEdges = [22 * hour - 1, 22 * hour, 23 * hour - 1, 23 * hour, 24 * hour - 1]

const brands = [
  ['visa', 55],
  ['mastercard', 30],
  ['amex', 10],
  ['discover', 3],
  ['jcb', 2],
] as const
const fundings = [
  ['credit', 60],
  ['debit', 36],
  ['prepaid', 4],
] as const
const quantities = [
  [1, 8],
  [2, 3],
  [3, 1],
] as const
/** The channel of an order, and whether it is shipped. App purchases are downloads. */
const channels: readonly (readonly [{ channel: string; isShipped: boolean }, number])[] = [
  [{ channel: 'web', isShipped: true }, 6],
  [{ channel: 'app', isShipped: false }, 3],
  [{ channel: 'phone', isShipped: true }, 1],
]

type SaleInput = {
  market: DemoMarket
  at: Date
  customer: DemoCustomer | null
  /** In minor units of the customer's currency. */
  price: number
  description: string
  orderId: string
  /** Invoice and subscription, or shipping address and metadata. */
  details: Partial<DemoCharge>
}

/** Generates the orders of a day. `customersSoFar` is the number of customers that exist on that day. */
export function sellOrders(
  book: DemoBook,
  market: DemoMarket,
  customers: readonly DemoCustomer[],
  on: { day: Day; expected: number; customersSoFar: number; nextOrder: () => number },
): DemoSale[] {
  return timesOfSales(book, market, on.day, on.expected).map((at) => {
    const { random } = book
    // Squaring makes some customers order often and most of them rarely.
    const customer = random.chance(0.08)
      ? null
      : (customers[Math.floor(random.next() ** 2 * on.customersSoFar)] ?? null)
    const price = random.pick(market.prices) * random.weighted(quantities) + random.pick(market.shipping)
    const number = on.nextOrder()
    const orderId = `AO-${number}`
    const { channel, isShipped } = random.weighted(channels)
    return sell(book, {
      market,
      at,
      customer,
      price,
      orderId,
      description: number % 499 === 7 ? demoAwkwardText(Math.floor(number / 499)) : `Order ${orderId}`,
      details: {
        shippingAddress: isShipped ? (customer?.row.shippingAddress ?? null) : null,
        orderId,
        metadata: { order_id: orderId, channel },
      },
    })
  })
}

export function chargeSubscriptions(
  book: DemoBook,
  market: DemoMarket,
  customers: readonly DemoCustomer[],
  day: Day,
): DemoSale[] {
  return customers.flatMap((customer) => {
    const { subscription } = customer
    if (subscription === null || day < subscription.firstDay || dayOfMonth(day) !== subscription.dayOfMonth)
      return []
    const at = momentOf(day, book.random.between(3 * hour, 4 * hour))
    subscription.invoices += 1
    const invoiceNumber = `${customer.invoicePrefix}-${String(subscription.invoices).padStart(4, '0')}`
    return [
      sell(book, {
        market,
        at,
        customer,
        price: subscription.price,
        orderId: invoiceNumber,
        description: subscription.invoices === 1 ? 'Subscription creation' : 'Subscription update',
        details: { invoiceId: book.newId('in', at), invoiceNumber, subscriptionId: subscription.id },
      }),
    ]
  })
}

function edgesOf(day: Day): readonly number[] {
  if (dayOfMonth(day) === 1) return firstDayEdges
  return isLastOfMonth(day) ? lastDayEdges : []
}

/** Returns the times of a day's sales, including its edges. `expected` is the average number of sales. */
function timesOfSales(book: DemoBook, market: DemoMarket, day: Day, expected: number): Date[] {
  const edges = edgesOf(day)
  const hours = market.hours.map((weight, index) => [index, weight] as const)
  const count = Math.floor(expected + book.random.next()) - edges.length
  const others = Array.from(
    { length: Math.max(0, count) },
    () => book.random.weighted(hours) * hour + book.random.between(0, hour - 1),
  )
  return [...edges, ...others].sort((a, b) => a - b).map((seconds) => momentOf(day, seconds))
}

function describePayment(
  book: DemoBook,
  method: DemoPaymentMethod,
  customer: DemoCustomer | null,
  country: string,
): Partial<DemoCharge> {
  const { random } = book
  if (method.type !== 'card') return { paymentMethodType: method.type, isLink: method.type === 'link' }
  return {
    paymentMethodType: method.type,
    isLink: random.chance(0.08),
    cardBrand: random.weighted(brands),
    cardFunding: random.weighted(fundings),
    cardCountry: random.chance(0.95) ? country : 'US',
    cardAddress: random.chance(0.15) ? (customer?.row.address ?? null) : null,
  }
}

function sell(book: DemoBook, input: SaleInput): DemoSale {
  const { market, at, customer, price, details } = input
  const { random, newId } = book
  const method = random.weighted(market.methods.map((method) => [method, method.weight] as const))
  const isCard = method.type === 'card'
  const sees = customer?.country.sees
  // The customer's price is the same number in each currency. The settled amount depends on the rate of the month.
  const rate = sees
    ? sees.rate * (0.97 + (0.06 * ((at.getUTCMonth() * 7 + at.getUTCFullYear()) % 12)) / 12)
    : 1
  const amount = Math.round(price * rate)
  const id = newId(isCard || method.type === 'link' ? 'ch' : 'py', at)
  book.addCharge({
    id,
    created: at,
    paymentIntentId: newId('pi', at),
    customerId: customer?.row.id ?? null,
    statementDescriptor: `ACORN & OAK* ${input.orderId.slice(-4)}`,
    ...describePayment(book, method, customer, customer?.country.code ?? 'US'),
    ...details,
  })
  const transaction = book.post({
    type: id.startsWith('ch') ? 'charge' : 'payment',
    reportingCategory: 'charge',
    currency: market.currency,
    amount,
    fee: Math.round((amount * method.permille) / 1000) + method.fixed,
    created: at,
    availableOn: momentOf(businessDaysAfter(dayOf(at), market.availableAfter)),
    description: input.description,
    sourceId: id,
    chargeId: id,
    customerFacingAmount: price,
    customerFacingCurrency: sees?.currency ?? market.currency,
  })
  return { transaction, isCard, isSubscription: details.subscriptionId !== undefined, orderId: input.orderId }
}
