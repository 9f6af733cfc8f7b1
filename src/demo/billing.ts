import type { LedgerFeeDetail } from '../ledger/rows.ts'
import type { DemoBook } from './book.ts'
import { type Day, dayOfMonth, momentOf } from './calendar.ts'
import type { DemoSale } from './charges.ts'
import { type DemoMarket, demoMarkets } from './markets.ts'
import type { DemoBalanceTransaction } from './rows.ts'

const adjustments: readonly (readonly [string, number])[] = [
  ['Goodwill credit', 4200],
  ['Correction of an earlier fee, "double counted"', 1830],
  ['Network compliance assessment', -2500],
  ['Refund of terminal rental; see ticket 4711', 990],
  ['=Adjustment for ledger rounding', -120],
]

/** Creates the payment processor's bills for one market. */
export function createDemoBilling(book: DemoBook, market: DemoMarket) {
  const { currency, billing } = market
  const unbilled = { charges: 0, subscriptionSales: 0 }

  const post = (
    [type, reportingCategory]: readonly [string, string],
    created: Date,
    amount: number,
    description: string,
  ) => book.post({ type, reportingCategory, currency, amount, created, description, sourceId: null })

  const postFee = (created: Date, amount: number, description: string): number => {
    if (amount <= 0) return 0
    post(['stripe_fee', 'fee'], created, -amount, description)
    return amount
  }

  return {
    /** Counts sales for the next monthly bill. */
    count: (sales: readonly DemoSale[]) => {
      for (const sale of sales) {
        unbilled.charges += 1
        if (sale.isSubscription) unbilled.subscriptionSales += sale.transaction.amount
      }
    },
    /** Posts the bill for the previous month and its tax, on the first day of a month. */
    bill: (day: Day) => {
      if (dayOfMonth(day) !== 1) return
      const month = momentOf(day - 1)
        .toISOString()
        .slice(0, 7)
      const at = momentOf(day, 6 * 3600 + book.random.between(0, 7200))
      const subscriptionFee = Math.round((unbilled.subscriptionSales * billing.subscriptionPermille) / 1000)
      const fees =
        postFee(at, unbilled.charges * billing.perCharge, `Radar (${month}): fraud screening`) +
        postFee(at, subscriptionFee, `Billing (${month}): usage fee`)
      const tax = Math.round((fees * billing.taxPermille) / 1000)
      if (tax > 0) post(['tax_fee', 'tax'], at, -tax, `${billing.taxName} on fees (${month})`)
      unbilled.charges = 0
      unbilled.subscriptionSales = 0
    },
    /** Posts a correction in the middle of some months. */
    adjust: (day: Day) => {
      if (dayOfMonth(day) !== 15 || !book.random.chance(0.6)) return
      const [description, amount] = book.random.pick(adjustments)
      if (book.held(currency) + amount < 0) return
      const at = momentOf(day, book.random.between(8 * 3600, 17 * 3600))
      post(['adjustment', 'other_adjustment'], at, amount, description)
    },
  }
}

/** Returns the parts of a row's fee: the fee without tax, and the tax when the market's fees include it. */
export function feeDetailsOf(row: DemoBalanceTransaction): LedgerFeeDetail[] {
  if (row.fee === 0) return []
  const billing = demoMarkets.find(({ currency }) => currency === row.currency)?.billing
  const permille = billing?.areFeesTaxed ? billing.taxPermille : 0
  const tax = Math.round((row.fee * permille) / (1000 + permille))
  const parts = [
    { type: 'stripe_fee', amount: row.fee - tax, description: describe(row) },
    ...(tax === 0 ? [] : [{ type: 'tax', amount: tax, description: billing?.taxName ?? null }]),
  ]
  return parts.map((part, position) => ({
    ...part,
    balanceTransactionId: row.id,
    position,
    currency: row.currency,
  }))
}

function describe({ reportingCategory }: DemoBalanceTransaction): string {
  if (reportingCategory === 'charge') return 'Payment processing'
  if (reportingCategory === 'dispute') return 'Dispute handling'
  return reportingCategory === 'dispute_reversal' ? 'Dispute handling, returned' : 'Instant payout'
}
