// A hundredth of the unit is what amounts are counted in to Stripe, also for isk and ugx, which have no smaller coin; but
// for these it is the unit itself, and for those a thousandth of it.

/** Currencies of which amounts have no decimals. */
export const currenciesWithoutDecimals: readonly string[] = [
  'bif',
  'clp',
  'djf',
  'gnf',
  'jpy',
  'kmf',
  'krw',
  'mga',
  'pyg',
  'rwf',
  'vnd',
  'vuv',
  'xaf',
  'xof',
  'xpf',
]

/** Currencies of which amounts have three decimals. */
export const currenciesWithThreeDecimals: readonly string[] = ['bhd', 'jod', 'kwd', 'omr', 'tnd']

const decimals: ReadonlyMap<string, number> = new Map([
  ...currenciesWithoutDecimals.map((currency) => [currency, 0] as const),
  ...currenciesWithThreeDecimals.map((currency) => [currency, 3] as const),
])

/** How many decimals an amount in major units of a currency has. */
export function decimalsOf(currency: string): number {
  return decimals.get(currency) ?? 2
}
