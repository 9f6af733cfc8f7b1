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

/** What to do about a payout with another sign. Stripe does debit bank accounts, and a lost sign looks the same. */
export const payoutSignAdvice =
  'A debit of the bank account looks the same as a lost sign: if it is one, import from the API with --stripe; otherwise, export the file again'

/** Creates a check that the signs of amount and fee fit the reporting category. It throws BadCell. */
export function createSignCheck(columns: Columns, amountName: string) {
  const text = columns.text(amountName)
  const [only, missing] = columns.has('fee') ? ['fee', 'net'] : ['net', 'fee']
  return (line: Line, category: string, { amount, fee, net }: Amounts): void => {
    // Other programs write fees as negative numbers, and without both columns, no sum shows it.
    if (category === 'charge' && fee < 0 && !columns.has(missing)) {
      throw new BadCell(
        `makes the fee of a charge negative, and there is no column ${missing} that confirms it`,
        columns.nameOf(only),
        columns.text(only)(line),
      )
    }
    const direction = directions[category]
    // The fee of a charge can be larger than its amount, but no fee makes a payout raise the balance.
    const change = category === 'payout' && amount <= 0 ? net : amount
    if (direction === undefined || (direction === 'raise' ? change >= 0 : change <= 0)) return
    throw new BadCell(wrongSign(category, direction), columns.nameOf(amountName), text(line))
  }
}

function wrongSign(category: string, direction: 'raise' | 'reduce'): string {
  const other = direction === 'raise' ? 'reduces' : 'raises'
  return category === 'payout' || category === 'payout_reversal'
    ? `has the wrong sign: it ${other} the balance, and its category is ${category}. ${payoutSignAdvice}`
    : `has the wrong sign: no row of the category ${category} ${other} the balance`
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

/**
 * Reads the type or the reporting category of a row. Stripe adds new ones, but a name in another form is not of Stripe, and
 * no check of the row would fit it.
 */
export function kindReader(columns: Columns, name: string): RequiredReader<string> {
  const read = columns.requiredText(name)
  return (line) => {
    const kind = read(line)
    if (/^[a-z][a-z0-9_]*$/.test(kind)) return kind
    throw new BadCell('is not a name of Stripe, such as charge', columns.nameOf(name), kind)
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
