// Stripe counts amounts in hundredths of the major unit, even for isk and ugx, which have no smaller coin. The currencies
// below are the exceptions.

/** Currencies whose minor unit is the major unit. */
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

/** Currencies whose minor unit is a thousandth of the major unit. */
export const currenciesWithThreeDecimals: readonly string[] = ['bhd', 'jod', 'kwd', 'omr', 'tnd']

/** Stablecoins that Stripe holds. It counts them like dollars and euros. */
const stablecoins: readonly string[] = ['eurc', 'ousd', 'pyusd', 'usdb', 'usdc', 'usdg', 'usdp', 'usdt']

const currencies: ReadonlySet<string> = new Set([
  ...Intl.supportedValuesOf('currency').map((code) => code.toLowerCase()),
  ...stablecoins,
])

/**
 * Returns true for the lowercase code of a currency whose minor unit is known. This is the one list of currencies: no
 * amount in another currency is stored, because its number of decimals would be a guess.
 */
export function isCurrency(code: string): boolean {
  return currencies.has(code)
}

/** Returns the number of decimals of an amount in major units. */
export function decimalsOf(currency: string): number {
  if (currenciesWithoutDecimals.includes(currency)) return 0
  return currenciesWithThreeDecimals.includes(currency) ? 3 : 2
}

/** Writes an amount in minor units as text in major units, with the number of decimals of its currency. */
export function majorUnits(amount: bigint, currency: string): string {
  const places = decimalsOf(currency)
  const digits = String(amount < 0 ? -amount : amount).padStart(places + 1, '0')
  const units = digits.slice(0, digits.length - places)
  return `${amount < 0 ? '-' : ''}${units}${places > 0 ? `.${digits.slice(-places)}` : ''}`
}
