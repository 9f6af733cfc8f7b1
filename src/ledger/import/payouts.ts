import { type Columns, fieldsReader, type Line, type RequiredReader } from './columns.ts'
import type { ExportKind, LineReader } from './export-kind.ts'
import { type Amounts, currencyReader, givenAmountsReader, timeOfVersion } from './transaction-fields.ts'

/**
 * Reads the amounts of a payout as changes of the balance. Stripe exports a payout with the sign of the bank account,
 * this gateway with the sign of the balance. A payout and its fee reduce the balance. A returned payout increases it,
 * and so can its fee: then the net is larger than the amount, with any signs.
 */
function balanceChangeReader(columns: Columns, category: (line: Line) => string): RequiredReader<Amounts> {
  const read = givenAmountsReader(columns, 'gross', currencyReader(columns))
  return (line) => {
    const given = read(line)
    const size = Math.abs(given.amount)
    const amount = { payout: -size, payout_reversal: size }[category(line)] ?? given.amount
    const isReversal = category(line) === 'payout_reversal'
    const fee =
      isReversal && given.net !== null
        ? size - Math.abs(given.net)
        : Math.abs(given.fee ?? given.net - given.amount)
    return { amount, fee, net: amount - fee }
  }
}

function open(columns: Columns): LineReader {
  const category = columns.requiredText('reporting_category')
  const change = balanceChangeReader(columns, category)
  const effectiveAt = columns.requiredTime('effective_at_utc', 'effective_at')
  const transactionOf = fieldsReader({
    id: columns.requiredText('balance_transaction_id'),
    reportingCategory: category,
    currency: currencyReader(columns),
    created: effectiveAt,
    effectiveAt,
    description: columns.text('description'),
    regulatoryTag: columns.text('regulatory_tag'),
  })
  const payoutOf = fieldsReader({
    id: columns.requiredText('payout_id'),
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
    payoutsKnown: false,
    sides: () => ['payouts'],
    read: (line, batch) => {
      const payout = payoutOf(line)
      const amounts = change(line)
      const row = transactionOf(line)
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
  open,
}
