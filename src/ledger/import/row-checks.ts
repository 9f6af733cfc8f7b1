import type { Columns, Line, Reader, RequiredReader } from './columns.ts'
import { BadCell } from './import-errors.ts'
import type { Amounts } from './transaction-fields.ts'

/** Reporting categories whose rows all change the balance in one direction. The other categories have both. */
const directions: Readonly<Record<string, 'raise' | 'reduce'>> = {
  charge: 'raise',
  topup: 'raise',
  platform_earning: 'raise',
  payout_reversal: 'raise',
  refund_failure: 'raise',
  transfer_reversal: 'raise',
  payout: 'reduce',
  refund: 'reduce',
  charge_failure: 'reduce',
  partial_capture_reversal: 'reduce',
  topup_reversal: 'reduce',
  platform_earning_refund: 'reduce',
  transfer: 'reduce',
}

/** Creates a check that the sign of an amount fits the reporting category. It throws BadCell. */
export function createSignCheck(columns: Columns, amountName: string) {
  const text = columns.text(amountName)
  return (line: Line, category: string, { amount, net }: Amounts): void => {
    const direction = directions[category]
    // The fee of a charge can be larger than its amount, but no fee makes a payout raise the balance.
    const change = category === 'payout' && amount <= 0 ? net : amount
    if (direction === undefined || (direction === 'raise' ? change >= 0 : change <= 0)) return
    throw new BadCell(
      `has the wrong sign: a row of the category ${category} does not ${direction === 'raise' ? 'reduce' : 'raise'} the balance`,
      columns.nameOf(amountName),
      text(line),
    )
  }
}

/** Creates a check that all rows of a payout have the currency of the payout. It throws BadCell. */
export function createPayoutCurrencyCheck(columns: Columns) {
  const currencies = new Map<string, string>()
  return (payoutId: string | null, currency: string): void => {
    if (payoutId === null) return
    const known = currencies.get(payoutId)
    if (known === undefined) currencies.set(payoutId, currency)
    else if (known !== currency) {
      const message = `is not ${known}, the currency of the other rows of the payout ${payoutId}`
      throw new BadCell(message, columns.nameOf('currency'), currency)
    }
  }
}

/** Reads the id of the row's balance transaction. */
export function transactionIdReader(columns: Columns, name: string): RequiredReader<string> {
  const read = columns.requiredText(name)
  return (line) =>
    checkId(
      columns,
      name,
      read(line),
      /^txn_[\w-]+$/,
      'is not the id of a balance transaction, such as txn_1A2b3C',
    )
}

/** Reads the id of a payout; null when the cell is empty. In old exports, payouts are transfers. */
export function payoutIdReader(columns: Columns, name: string): Reader<string> {
  const read = columns.text(name)
  return (line) => {
    const id = read(line)?.trim()
    return id
      ? checkId(columns, name, id, /^(po|tr)_[\w-]+$/, 'is not the id of a payout, such as po_1A2b3C')
      : null
  }
}

function checkId(columns: Columns, name: string, id: string, pattern: RegExp, fault: string): string {
  if (!pattern.test(id)) throw new BadCell(fault, columns.nameOf(name), id)
  return id
}
