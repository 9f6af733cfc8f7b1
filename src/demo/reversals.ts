import { type DemoBook, payBackLater, someTimeAfter } from './book.ts'
import type { DemoSale } from './charges.ts'
import type { DemoMarket } from './markets.ts'

const refundReasons = ['damaged', 'late', 'wrong size', 'changed "mind", sorry', 'お客様都合']

const disputeReasons = [
  'fraudulent',
  'product_not_received',
  'product_unacceptable',
  'duplicate',
  'unrecognized',
]

/**
 * Plans the reversals of a sale. One sale in twenty is refunded (in full, in part, or in two parts), and one card sale
 * in 250 is disputed. Both happen on later days, and never for the same sale.
 */
export function planReversals(book: DemoBook, market: DemoMarket, sale: DemoSale): void {
  const { random } = book
  const outcome = random.next()
  const { created, currency, amount } = sale.transaction
  const refundLater = (part: number, days: number) => {
    const money = { currency, cost: Math.ceil(amount * part) }
    payBackLater(book, money, someTimeAfter(created, days, random), (at) => refund(book, sale, part, at))
  }
  if (outcome < 0.032) refundLater(1, random.between(1, 30))
  else if (outcome < 0.048) refundLater(random.pick([0.1, 0.25, 0.5]), random.between(1, 45))
  else if (outcome < 0.05) {
    refundLater(0.3, random.between(1, 10))
    refundLater(0.7, random.between(11, 30))
  } else if (outcome < 0.054 && sale.isCard) {
    const money = { currency, cost: amount + market.dispute.fee }
    const at = someTimeAfter(created, random.between(8, 60), random)
    payBackLater(book, money, at, (now) => dispute(book, market, sale, now))
  }
}

/** Returns a part of a sale in its settlement and customer currencies. Both are negative when `part` is negative. */
function partOf(sale: DemoSale, part: number) {
  const { amount, customerFacingAmount, customerFacingCurrency, currency, chargeId } = sale.transaction
  return {
    currency,
    amount: Math.round(amount * part),
    customerFacingAmount: Math.round((customerFacingAmount ?? amount) * part),
    customerFacingCurrency: customerFacingCurrency ?? currency,
    chargeId: chargeId ?? null,
  }
}

function refund(book: DemoBook, sale: DemoSale, part: number, at: Date): void {
  const { random } = book
  const isCharge = sale.transaction.type === 'charge'
  const metadata = { reason: random.pick(refundReasons), ticket: `T-${random.between(10_000, 99_999)}` }
  const posting = {
    ...partOf(sale, -part),
    type: isCharge ? 'refund' : 'payment_refund',
    reportingCategory: 'refund',
    created: at,
    description: `Refund of ${sale.orderId}`,
    sourceId: book.newId(isCharge ? 're' : 'pyr', at),
    refundMetadata: random.chance(0.4) ? metadata : null,
  }
  book.post(posting)
  if (!random.chance(0.015)) return
  book.later(someTimeAfter(at, random.between(3, 10), random), (failedAt) => {
    book.post({
      ...posting,
      // Negates the refund instead of using `partOf`, because Math.round rounds halves up, also negative ones.
      amount: -posting.amount,
      customerFacingAmount: -posting.customerFacingAmount,
      type: 'refund_failure',
      reportingCategory: 'refund_failure',
      created: failedAt,
      description: `Refund of ${sale.orderId} failed: account closed`,
    })
  })
}

function dispute(book: DemoBook, market: DemoMarket, sale: DemoSale, at: Date): void {
  const { random } = book
  const { fee, isFeeReturned } = market.dispute
  const posting = {
    ...partOf(sale, -1),
    type: 'adjustment',
    reportingCategory: 'dispute',
    fee,
    created: at,
    description: `Chargeback withdrawal for ${sale.orderId}`,
    sourceId: book.newId('dp', at),
    disputeReason: random.pick(disputeReasons),
  }
  book.post(posting)
  if (!random.chance(0.4)) return
  book.later(someTimeAfter(at, random.between(15, 60), random), (wonAt) => {
    book.post({
      ...posting,
      ...partOf(sale, 1),
      reportingCategory: 'dispute_reversal',
      fee: isFeeReturned ? -fee : 0,
      created: wonAt,
      description: `Chargeback reversal for ${sale.orderId}`,
    })
  })
}
