import { decimalsOf } from '../minor-units.ts'
import { BadCell } from './import-errors.ts'

const amountPattern = /^(-?)(\d+)(?:([.,])(\d+))?$/

/**
 * Returns a reader that converts amounts in major units into minor units as text, so nothing is rounded. The decimal
 * separator is a point or a comma, the same in the whole file. Digits must not be grouped.
 */
export function createAmountReader(): (text: string, currency: string) => number {
  let separator: string | undefined
  return (text, currency) => {
    const [, sign, units, mark, decimals = ''] = amountPattern.exec(text) ?? []
    if (units === undefined) throw new BadCell('is not a valid amount, such as 1234.50')
    const places = decimalsOf(currency)
    if (mark === ',' && decimals.length === 3 && places !== 3) {
      throw new BadCell('has a comma before three digits, which can be grouped thousands: write 1234.50')
    }
    separator ??= mark
    if (mark !== undefined && mark !== separator)
      throw new BadCell(`has the decimal separator "${mark}", but earlier amounts have "${separator}"`)
    // Some exports write more decimals than the currency has. The additional ones are zeros.
    if (/[^0]/.test(decimals.slice(places))) {
      throw new BadCell(`has more decimals than ${currency} allows: ${places}`)
    }
    const amount = Number(`${sign}${units}${decimals.slice(0, places).padEnd(places, '0')}`)
    if (!Number.isSafeInteger(amount)) throw new BadCell('is too large')
    // Avoids -0.
    return amount === 0 ? 0 : amount
  }
}
