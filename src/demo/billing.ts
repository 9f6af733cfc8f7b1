import type { DemoBook } from './book.ts'
import { type Day, dayOfMonth, momentOf } from './calendar.ts'
import type { DemoSale } from './charges.ts'
import type { DemoMarket } from './markets.ts'

/** The bills that one market gets from its payment processor. */
export type DemoBilling = {
  /** Remembers sales for the bill at the end of the month. */
  count: (sales: readonly DemoSale[]) => void
  /** On the first of a month: posts the bill for the month before, and the tax on it. */
  bill: (day: Day) => void
  /** In the middle of some months: posts a correction. */
  adjust: (day: Day) => void
}

const adjustments: readonly (readonly [string, number])[] = [
  ['Goodwill credit', 4200],
  ['Correction of an earlier fee, "double counted"', 1830],
  ['Network compliance assessment', -2500],
  ['Refund of terminal rental; see ticket 4711', 990],
  ['=Adjustment for ledger rounding', -120],
]

export function createDemoBilling(book: DemoBook, market: DemoMarket): DemoBilling {
  const { currency, billing } = market
  const unbilled = { charges: 0, subscriptionSales: 0 }

  const postFee = (type: 'stripe_fee' | 'tax_fee', at: Date, amount: number, description: string): number => {
    if (amount <= 0) return 0
    book.post({
      type,
      reportingCategory: type === 'tax_fee' ? 'tax' : 'fee',
      currency,
      amount: -amount,
      created: at,
      description,
      sourceId: null,
    })
    return amount
  }

  return {
    count: (sales) => {
      for (const sale of sales) {
        unbilled.charges += 1
        if (sale.isSubscription) unbilled.subscriptionSales += sale.transaction.amount
      }
    },
    bill: (day) => {
      if (dayOfMonth(day) !== 1) return
      const month = momentOf(day - 1)
        .toISOString()
        .slice(0, 7)
      const at = momentOf(day, 6 * 3600 + book.random.between(0, 7200))
      const subscriptionFee = Math.round((unbilled.subscriptionSales * billing.subscriptionPermille) / 1000)
      const fees =
        postFee('stripe_fee', at, unbilled.charges * billing.perCharge, `Radar (${month}): fraud screening`) +
        postFee('stripe_fee', at, subscriptionFee, `Billing (${month}): usage fee`)
      postFee(
        'tax_fee',
        at,
        Math.round((fees * billing.taxPermille) / 1000),
        `${billing.taxName} on fees (${month})`,
      )
      unbilled.charges = 0
      unbilled.subscriptionSales = 0
    },
    adjust: (day) => {
      if (dayOfMonth(day) !== 15 || !book.random.chance(0.6)) return
      const [description, amount] = book.random.pick(adjustments)
      if (book.held(currency) + amount < 0) return
      book.post({
        type: 'adjustment',
        reportingCategory: 'other_adjustment',
        currency,
        amount,
        created: momentOf(day, book.random.between(8 * 3600, 17 * 3600)),
        description,
        sourceId: null,
      })
    },
  }
}
