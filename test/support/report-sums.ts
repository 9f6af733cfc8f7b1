import { expect } from 'vitest'

type Row = Record<string, string>
export type Amounts = { count: bigint; gross: bigint; fee: bigint; net: bigint }

const patterns: Record<string, RegExp> = { usd: /^-?\d+\.\d{2}$/, eur: /^-?\d+\.\d{2}$/, jpy: /^-?\d+$/ }
/** The currencies of the demo ledger. */
export const currencies = Object.keys(patterns).sort()

/** Returns an amount in minor units. Fails unless the text has exactly the currency's number of decimals. */
export function minor(text = '', currency = ''): bigint {
  const pattern = patterns[currency] ?? /^no known currency$/
  // Calls `expect` only on failure, because tens of thousands of expectations take seconds.
  if (!pattern.test(text)) expect(text).toMatch(pattern)
  return BigInt(text.replace('.', ''))
}

/** Returns sums by currency and category, such as `usd charge`, and by currency, such as `usd total`. */
export function sumUp(rows: readonly Row[]): Map<string, Amounts> {
  const sums = new Map<string, Amounts>()
  for (const row of rows) {
    const { currency = '', reporting_category = '' } = row
    const gross = minor(row.gross, currency)
    const fee = minor(row.fee, currency)
    const net = minor(row.net, currency)
    for (const key of [`${currency} ${reporting_category}`, `${currency} total`]) {
      const sum = sums.get(key) ?? { count: 0n, gross: 0n, fee: 0n, net: 0n }
      sums.set(key, {
        count: sum.count + 1n,
        gross: sum.gross + gross,
        fee: sum.fee + fee,
        net: sum.net + net,
      })
    }
  }
  return sums
}

/** Returns the rows of a summary in the form of `sumUp`. */
export function readSummary(rows: readonly Row[]): Map<string, Amounts> {
  return new Map(
    rows.map(({ currency = '', reporting_category, count = '', gross, fee, net }) => [
      `${currency} ${reporting_category}`,
      {
        count: BigInt(count),
        gross: minor(gross, currency),
        fee: minor(fee, currency),
        net: minor(net, currency),
      },
    ]),
  )
}

/** Returns the amounts of a balance summary by currency and category. */
export function readBalance(rows: readonly Row[]): Record<string, Record<string, bigint>> {
  const byCurrency: Record<string, Record<string, bigint>> = {}
  for (const { currency = '', category = '', net_amount } of rows) {
    byCurrency[currency] = { ...byCurrency[currency], [category]: minor(net_amount, currency) }
  }
  return byCurrency
}
