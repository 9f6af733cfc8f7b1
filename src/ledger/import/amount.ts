import { decimalsOf } from '../minor-units.ts'
import { BadCell } from './import-errors.ts'

const amountPattern = /^(-?)(\d+)(?:([.,])(\d+))?$/

/** What stands between units and decimals in a file. */
type DecimalSeparator = '.' | ','

/**
 * Reads amounts in major units into whole minor units, digit by digit, so that nothing is ever rounded. Decimals are set
 * off by a point or a comma, by the same one in the whole file; digits are not grouped.
 */
export function createAmountReader(): (text: string, currency: string) => number {
  const checkSeparator = createSeparatorCheck()
  return (text, currency) => {
    const [, sign, units, mark, decimals = ''] = amountPattern.exec(text) ?? []
    if (units === undefined) throw new BadCell('is no amount, such as 1234.50')
    const places = decimalsOf(currency)
    if (mark === '.' || mark === ',') checkSeparator(mark, decimals.length, places)
    // Some exports write many more decimals than there are; all that follow are zeros then.
    if (/[^0]/.test(decimals.slice(places))) {
      throw new BadCell(`has more decimals than an amount in ${currency} can have, which is ${places}`)
    }
    const amount = Number(`${sign}${units}${decimals.slice(0, places).padEnd(places, '0')}`)
    if (!Number.isSafeInteger(amount)) throw new BadCell('is too large')
    // Not -0, which is another value than 0 to some.
    return amount === 0 ? 0 : amount
  }
}

/** Remembers the separator of the first amount that has one, and holds those after it to that. */
function createSeparatorCheck(): (mark: DecimalSeparator, digits: number, places: number) => void {
  let separator: DecimalSeparator | null = null
  return (mark, digits, places) => {
    if (mark === ',' && digits === 3 && places !== 3) {
      throw new BadCell('has a comma before three digits, as if thousands were grouped: write 1234.50')
    }
    separator ??= mark
    if (mark === separator) return
    throw new BadCell(`has "${mark}" before its decimals, and amounts before it have "${separator}"`)
  }
}
