import { majorUnits } from '../minor-units.ts'
import { type Columns, fieldsReader, type Line, type RequiredReader } from './columns.ts'
import type { ExportKind, LineReader } from './export-kind.ts'
import { BadCell } from './import-errors.ts'
import {
  createPayoutCurrencyCheck,
  kindReader,
  payoutIdReader,
  payoutSignAdvice,
  transactionIdReader,
} from './row-checks.ts'
import { type Amounts, currencyReader, givenAmountsReader, timeOfVersion } from './transaction-fields.ts'

/**
 * Reads the amounts of a payout as changes of the balance. Stripe and this gateway export a payout with the sign of the
 * bank account. A payout and its fee reduce the balance. A returned payout increases it, and so can its fee: then the net
 * is larger than the amount.
 */
function balanceChangeReader(columns: Columns, category: (line: Line) => string): RequiredReader<Amounts> {
  const read = payoutAmountsReader(columns)
  const text = columns.text('gross')
  return (line) => {
    const given = read(line)
    const size = Math.abs(given.amount)
    const isReversal = category(line) === 'payout_reversal'
    if (!isReversal && category(line) !== 'payout') return given
    if (isReversal ? given.amount > 0 : given.amount < 0) {
      throw new BadCell(
        `has the wrong sign: in this report, a payout is positive and a returned payout is negative. ${payoutSignAdvice}`,
        columns.nameOf('gross'),
        text(line),
      )
    }
    const amount = isReversal ? size : -size
    const fee = isReversal ? size - Math.abs(given.net) : Math.abs(given.fee)
    return { amount, fee, net: amount - fee }
  }
}

/**
 * Reads gross, fee and net of a payout, which must agree: the net amount is what arrives at the bank, or what leaves the
 * balance, as in the reports of this gateway.
 */
function payoutAmountsReader(columns: Columns): RequiredReader<Amounts> {
  const currency = currencyReader(columns)
  const read = givenAmountsReader(columns, 'gross', currency)
  const text = columns.text('net')
  return (line) => {
    const { amount, fee, net } = read(line)
    if (fee === null) return { amount, fee: amount - net, net }
    if (net === null) return { amount, fee, net: amount - fee }
    if (Math.abs(net - amount) === Math.abs(fee)) return { amount, fee, net }
    const [minus, plus] = [amount - fee, amount + fee].map((sum) => majorUnits(BigInt(sum), currency(line)))
    const message = `is neither gross minus fee nor gross plus fee, which are ${minus} and ${plus}`
    throw new BadCell(message, columns.nameOf('net'), text(line))
  }
}

function open(columns: Columns): LineReader {
  const category = kindReader(columns, 'reporting_category')
  const change = balanceChangeReader(columns, category)
  const checkCurrency = createPayoutCurrencyCheck(columns)
  const effectiveAt = columns.requiredTime('effective_at_utc', 'effective_at')
  const transactionOf = fieldsReader({
    id: transactionIdReader(columns, 'balance_transaction_id'),
    reportingCategory: category,
    currency: currencyReader(columns),
    created: effectiveAt,
    effectiveAt,
    description: columns.text('description'),
    regulatoryTag: columns.text('regulatory_tag'),
  })
  const payoutOf = fieldsReader({
    id: columns.required(payoutIdReader(columns, 'payout_id'), ['payout_id']),
    arrivalDate: columns.time('payout_expected_arrival_date'),
    status: columns.text('payout_status'),
    type: columns.text('payout_type'),
    description: columns.text('payout_description'),
    destinationId: columns.text('payout_destination_id'),
    reversedAt: timeOfVersion(columns, 'payout_reversed_at', 'effective_at'),
    traceId: columns.text('trace_id'),
    traceIdStatus: columns.text('trace_id_status'),
  })

  return {
    // It has no row that a payout swept.
    payoutsKnown: true,
    isWhole: () => true,
    read: (line, batch) => {
      const payout = payoutOf(line)
      const amounts = change(line)
      const row = transactionOf(line)
      checkCurrency(payout.id, row.currency)
      batch.balanceTransactions.push({
        ...row,
        ...amounts,
        isCategoryGiven: true,
        sourceId: payout.id,
        payoutId: payout.id,
      })
      const isPayout = row.reportingCategory === 'payout'
      batch.payouts.push({
        ...payout,
        currency: row.currency,
        // A reversal has another effective time than its payout.
        ...(isPayout && { amount: -amounts.amount, effectiveAt: row.effectiveAt }),
      })
      return row.effectiveAt
    },
  }
}

/** The itemized payouts report. It has no creation times. */
export const itemizedPayouts: ExportKind = {
  title: 'itemized payouts',
  requiredColumns: [
    ['payout_id'],
    ['balance_transaction_id'],
    ['effective_at_utc', 'effective_at'],
    ['currency'],
    ['gross'],
    ['fee', 'net'],
    ['reporting_category'],
  ],
  assumed: ['created'],
  sides: ['payouts'],
  open,
}
