import markets from './markets.json' with { type: 'json' }

/** A way to pay, and what it costs: `permille` of the amount and a fixed part in minor units. */
export type DemoPaymentMethod = { type: string; permille: number; fixed: number; weight: number }

/** What the shop does in one settlement currency. All amounts are in minor units, which are whole yen for jpy. */
export type DemoMarket = {
  currency: string
  /** Part of all orders. */
  share: number
  prices: readonly number[]
  shipping: readonly number[]
  /** Monthly price of the subscription box. */
  subscriptionPrices: readonly number[]
  /** How busy each hour of the UTC day is. */
  hours: readonly number[]
  methods: readonly DemoPaymentMethod[]
  /** What a dispute costs, and whether that is given back when it is won. */
  dispute: { fee: number; isFeeReturned: boolean }
  /** Business days until the money of a charge is available. */
  availableAfter: number
  payout: {
    /** Days on which automatic payouts are made; 0 is Sunday. */
    weekdays: readonly number[]
    /** Business days until the money arrives. */
    arrivesAfter: number
    /** Every n-th automatic payout is sent back by the bank. */
    failsEvery: number
    /** Every n-th month has a manual payout on the 18th; an instant one costs `permille`. */
    manualEveryMonths: number
    manual: { isInstant: boolean; permille: number }
    hasTraceId: boolean
  }
  /**
   * Monthly bill: per charge for fraud screening, of the subscription sales in permille, tax on both in permille. Fees
   * that are taken from a transaction include that tax where they are taxed.
   */
  billing: {
    perCharge: number
    subscriptionPermille: number
    taxName: string
    taxPermille: number
    areFeesTaxed: boolean
  }
}

export const demoMarkets: readonly DemoMarket[] = markets
