import { isCurrency, majorUnits } from '../minor-units.ts'
import type { Columns, Line, Reader, RequiredReader } from './columns.ts'
import { BadCell } from './import-errors.ts'

/** Reads the code of the settlement currency, in lower case. */
export function currencyReader(columns: Columns): RequiredReader<string> {
  const read = columns.requiredText('currency')
  return (line) => {
    const currency = read(line)
    return knownCurrency(columns, 'currency', currency)
  }
}

/** Reads the code of the currency that the customer paid in, in lower case; null when the cell is empty. */
export function facingCurrencyReader(columns: Columns, name: string): Reader<string> {
  const read = columns.text(name)
  return (line) => {
    const currency = read(line)?.trim()
    return currency ? knownCurrency(columns, name, currency) : null
  }
}

function knownCurrency(columns: Columns, name: string, given: string): string {
  const code = given.toLowerCase()
  if (isCurrency(code)) return code
  throw new BadCell('is not a valid currency, such as usd', columns.nameOf(name), given)
}

export type Amounts = { amount: number; fee: number; net: number }

/** Reads amount, fee and net without conversion. Either fee or net can be missing or empty. */
export function givenAmountsReader(columns: Columns, amountName: string, currency: (line: Line) => string) {
  const readAmount = columns.amount(amountName, currency)
  const readFee = columns.amount('fee', currency)
  const readNet = columns.amount('net', currency)
  return (line: Line) => {
    const amount = readAmount(line)
    if (amount === null) throw new BadCell('is empty', columns.nameOf(amountName), '')
    const [fee, net] = [readFee(line), readNet(line)]
    if (fee !== null) return { amount, fee, net }
    if (net !== null) return { amount, fee, net }
    throw new BadCell('is empty', columns.nameOf('net'), '')
  }
}

/** Reads amount, fee and net. Computes a missing fee or net from the others. If all three are present, they must agree. */
export function amountsReader(columns: Columns, amountName: string, currency: (line: Line) => string) {
  const read = givenAmountsReader(columns, amountName, currency)
  return (line: Line): Amounts => {
    const given = read(line)
    const { amount, net } = given
    if (given.fee === null) return { amount, fee: amount - given.net, net: given.net }
    const expected = amount - given.fee
    if (net !== null && net !== expected) {
      const message = `is not ${amountName} minus fee, which is ${majorUnits(BigInt(expected), currency(line))}`
      throw new BadCell(message, columns.nameOf('net'), columns.text('net')(line))
    }
    return { amount, fee: given.fee, net: expected }
  }
}

/**
 * Reads a time that all versions of a report have, with or without `_utc` in its name. The first versions have only UTC
 * times, and some of their names lack `_utc`.
 *
 * @param sibling name of another time that every version has, with `_utc` where it is in UTC
 */
export function timeOfVersion(columns: Columns, name: string, sibling: string): Reader<Date> {
  const utcName = `${name}_utc`
  const isUtcOnly = columns.has(`${sibling}_utc`) && !columns.has(sibling)
  return isUtcOnly && !columns.has(utcName) ? columns.time(name) : columns.time(utcName, name)
}

/** Returns the automatic payout that swept a row; null for the payout's own row. */
export function sweptInto(bankId: string | null, payoutId: string | null): string | null {
  return bankId === payoutId ? null : bankId
}

/** Returns the id when it has one of the prefixes, and otherwise null. */
export function idOf(id: string | null, ...prefixes: readonly string[]): string | null {
  return id !== null && prefixes.some((prefix) => id.startsWith(prefix)) ? id : null
}

/** Returns the id when it is a charge or a payment on a connected account, and otherwise null. */
export function chargeIdOf(id: string | null): string | null {
  return idOf(id, 'ch_', 'py_')
}
