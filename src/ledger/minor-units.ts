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

/** How many decimals an amount in major units of a currency has. */
export function decimalsOf(currency: string): number {
  if (currenciesWithoutDecimals.includes(currency)) return 0
  return currenciesWithThreeDecimals.includes(currency) ? 3 : 2
}
