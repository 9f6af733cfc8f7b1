import type { Columns, Line, NeededReader, Reader } from './columns.ts'
import { BadCell } from './import-errors.ts'

/** The three-letter code of a settlement currency, in lower case. */
export function currencyReader(columns: Columns): NeededReader<string> {
  const read = columns.neededText('currency')
  return (line) => {
    const currency = read(line)
    if (!/^[a-z]{3}$/i.test(currency)) {
      throw new BadCell('is no currency, such as usd', columns.nameOf('currency'), currency)
    }
    return currency.toLowerCase()
  }
}

/** The code of the currency that a customer paid in, in lower case; not every line has one. */
export function facingCurrencyReader(columns: Columns, name: string): Reader<string> {
  const read = columns.text(name)
  return (line) => read(line)?.trim().toLowerCase() || null
}

export type Amounts = { amount: number; fee: number; net: number }

/** Amount, fee and net as they stand there; one of fee and net may have no column, or nothing in it. */
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

/** Amount, fee and net of a line. What is not given follows from the others; where all three are, they have to agree. */
export function amountsReader(columns: Columns, amountName: string, currency: (line: Line) => string) {
  const read = givenAmountsReader(columns, amountName, currency)
  return (line: Line): Amounts => {
    const given = read(line)
    const { amount, net } = given
    if (given.fee === null) return { amount, fee: amount - given.net, net: given.net }
    const expected = amount - given.fee
    if (net !== null && net !== expected) {
      const message = `is not ${amountName} less fee, which is ${expected} in minor units`
      throw new BadCell(message, columns.nameOf('net'), columns.text('net')(line))
    }
    return { amount, fee: given.fee, net: expected }
  }
}

/**
 * A time that each version of a report has, under one name or under that and another with `_utc`. The first versions have no
 * times but those in UTC, and do not say so in the names of all.
 *
 * @param sibling name of a time that every version has, with `_utc` where it is in UTC
 */
export function timeOfVersion(columns: Columns, name: string, sibling: string): Reader<Date> {
  const utcName = `${name}_utc`
  const isUtcOnly = columns.has(`${sibling}_utc`) && !columns.has(sibling)
  return isUtcOnly && !columns.has(utcName) ? columns.time(name) : columns.time(utcName, name)
}

/** The automatic payout that a row was swept into: a payout takes itself into no other. */
export function sweptInto(bankId: string | null, payoutId: string | null): string | null {
  return bankId === payoutId ? null : bankId
}

/** The id of an object, when it is of one of the kinds that these prefixes mark. */
export function idOf(id: string | null, ...prefixes: readonly string[]): string | null {
  return id !== null && prefixes.some((prefix) => id.startsWith(prefix)) ? id : null
}

/** A charge's id, or that of a payment on a connected account. */
export function chargeIdOf(id: string | null): string | null {
  return idOf(id, 'ch_', 'py_')
}
