import markets from './markets.json' with { type: 'json' }

/** A payment method and its fee: `permille` of the amount and a fixed part in minor units. */
export type DemoPaymentMethod = { type: string; permille: number; fixed: number; weight: number }

/** The shop's business in one settlement currency. All amounts are in minor units, which are whole yen for jpy. */
export type DemoMarket = {
  currency: string
  /** Share of all orders. */
  share: number
  prices: readonly number[]
  shipping: readonly number[]
  /** Monthly price of the subscription box. */
  subscriptionPrices: readonly number[]
  /** Weight of each hour of the UTC day. */
  hours: readonly number[]
  methods: readonly DemoPaymentMethod[]
  /** Fee of a dispute, and whether a won dispute returns it. */
  dispute: { fee: number; isFeeReturned: boolean }
  /** Business days until the money of a charge is available. */
  availableAfter: number
  payout: {
    /** Weekdays of automatic payouts; 0 is Sunday. */
    weekdays: readonly number[]
    /** Business days until the money arrives. */
    arrivesAfter: number
    /** The bank returns every n-th automatic payout. */
    failsEvery: number
    /** Every n-th month has a manual payout on the 18th. An instant payout costs `permille`. */
    manualEveryMonths: number
    manual: { isInstant: boolean; permille: number }
    hasTraceId: boolean
  }
  /**
   * Monthly bill: an amount per charge for fraud screening, permille of the subscription sales, and tax on both in
   * permille. Transaction fees include the tax when `areFeesTaxed`.
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
