export type DemoCurrency = 'usd' | 'eur' | 'jpy'

/** A way to pay, and what it costs: `permille` of the amount and a fixed part in minor units. */
export type DemoPaymentMethod = { type: string; permille: number; fixed: number }

/** What the shop does in one settlement currency. All amounts are in minor units, which are whole yen for jpy. */
export type DemoMarket = {
  currency: DemoCurrency
  /** Part of all orders. */
  share: number
  prices: readonly number[]
  shipping: readonly number[]
  /** Monthly price of the subscription box. */
  subscriptionPrices: readonly number[]
  /** How busy each hour of the UTC day is. */
  hours: readonly number[]
  methods: readonly (readonly [DemoPaymentMethod, number])[]
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
    manual: { type: 'bank_account' | 'card'; permille: number }
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

function card(fixed: number) {
  return { type: 'card', permille: 29, fixed }
}

const usd: DemoMarket = {
  currency: 'usd',
  share: 0.71,
  prices: [900, 1450, 1900, 2400, 2495, 3200, 3999, 4800, 5900, 7500, 9900, 12900, 18500, 34900],
  shipping: [0, 0, 495, 795],
  subscriptionPrices: [1900, 2900, 4900],
  hours: [9, 9, 8, 7, 5, 3, 2, 1, 1, 1, 1, 2, 3, 5, 7, 8, 9, 9, 9, 9, 9, 9, 9, 9],
  methods: [
    [card(30), 80],
    [{ type: 'link', permille: 29, fixed: 30 }, 9],
    [{ type: 'klarna', permille: 60, fixed: 30 }, 5],
    [{ type: 'affirm', permille: 60, fixed: 30 }, 3],
    [{ type: 'us_bank_account', permille: 8, fixed: 0 }, 3],
  ],
  dispute: { fee: 1500, isFeeReturned: false },
  availableAfter: 2,
  payout: {
    weekdays: [1, 2, 3, 4, 5],
    arrivesAfter: 2,
    failsEvery: 97,
    manualEveryMonths: 5,
    manual: { type: 'card', permille: 15 },
    hasTraceId: true,
  },
  billing: {
    perCharge: 5,
    subscriptionPermille: 7,
    taxName: 'Sales tax',
    taxPermille: 80,
    areFeesTaxed: false,
  },
}

const eur: DemoMarket = {
  currency: 'eur',
  share: 0.19,
  prices: [890, 1290, 1790, 2290, 2990, 3790, 4490, 5490, 6990, 8990, 11990, 16990, 29900],
  shipping: [0, 390, 490, 690],
  subscriptionPrices: [1790, 2690, 4490],
  hours: [1, 1, 1, 1, 1, 2, 4, 6, 7, 8, 8, 9, 8, 7, 7, 7, 8, 9, 10, 10, 9, 7, 5, 3],
  methods: [
    [card(25), 62],
    [{ type: 'sepa_debit', permille: 8, fixed: 30 }, 14],
    [{ type: 'klarna', permille: 45, fixed: 35 }, 12],
    [{ type: 'ideal', permille: 0, fixed: 29 }, 7],
    [{ type: 'bancontact', permille: 14, fixed: 25 }, 5],
  ],
  dispute: { fee: 2000, isFeeReturned: true },
  availableAfter: 3,
  payout: {
    weekdays: [1],
    arrivesAfter: 2,
    failsEvery: 27,
    manualEveryMonths: 8,
    manual: { type: 'bank_account', permille: 0 },
    hasTraceId: true,
  },
  billing: { perCharge: 4, subscriptionPermille: 7, taxName: 'VAT', taxPermille: 230, areFeesTaxed: true },
}

const jpy: DemoMarket = {
  currency: 'jpy',
  share: 0.1,
  prices: [980, 1480, 1980, 2480, 3300, 3980, 4950, 6600, 8800, 11000, 15400, 24200],
  shipping: [0, 330, 550, 770],
  subscriptionPrices: [2200, 3300, 5500],
  hours: [8, 8, 8, 9, 8, 7, 7, 7, 8, 9, 10, 11, 11, 10, 8, 5, 3, 2, 1, 1, 1, 2, 4, 6],
  methods: [
    [card(40), 78],
    [{ type: 'konbini', permille: 36, fixed: 0 }, 17],
    [{ type: 'paypay', permille: 30, fixed: 0 }, 5],
  ],
  dispute: { fee: 1500, isFeeReturned: false },
  availableAfter: 4,
  payout: {
    weekdays: [5],
    arrivesAfter: 3,
    failsEvery: 33,
    manualEveryMonths: 11,
    manual: { type: 'bank_account', permille: 0 },
    hasTraceId: false,
  },
  billing: {
    perCharge: 6,
    subscriptionPermille: 7,
    taxName: 'Consumption tax',
    taxPermille: 100,
    areFeesTaxed: true,
  },
}

export const demoMarkets: readonly DemoMarket[] = [usd, eur, jpy]
