import { type Columns, fieldsReader, type Line, type NeededReader } from './columns.ts'
import type { ExportKind, LineReader } from './export-kind.ts'
import { type Amounts, currencyReader, givenAmountsReader, timeOfVersion } from './transaction-fields.ts'

/**
 * Stripe writes a payout as what the bank gets, this gateway as what the balance loses. Either way it takes from the
 * balance, and its fee with it; one that came back gives, and may give its fee back, too. That shows in a net which is
 * larger than the amount, whichever way the signs are.
 */
function balanceChangeReader(columns: Columns, category: (line: Line) => string): NeededReader<Amounts> {
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
  const category = columns.neededText('reporting_category')
  const change = balanceChangeReader(columns, category)
  const effectiveAt = columns.neededTime('effective_at_utc', 'effective_at')
  const transactionOf = fieldsReader({
    id: columns.neededText('balance_transaction_id'),
    reportingCategory: category,
    currency: currencyReader(columns),
    created: effectiveAt,
    effectiveAt,
    description: columns.text('description'),
    regulatoryTag: columns.text('regulatory_tag'),
  })
  const payoutOf = fieldsReader({
    id: columns.neededText('payout_id'),
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
    sides: () => ['payouts'],
    read: (line, batch) => {
      const payout = payoutOf(line)
      const amounts = change(line)
      const row = transactionOf(line)
      batch.balanceTransactions.push({ ...row, ...amounts, sourceId: payout.id, payoutId: payout.id })
      const isPayout = row.reportingCategory === 'payout'
      batch.payouts.push({
        ...payout,
        currency: row.currency,
        // What came back came back at a time of its own.
        ...(isPayout && { amount: -amounts.amount, effectiveAt: row.effectiveAt }),
      })
      return row.effectiveAt
    },
  }
}

/** The itemized payouts report. It has no word of when a payout was created, and may have turned the signs around. */
export const itemizedPayouts: ExportKind = {
  title: 'itemized payouts',
  needs: [
    ['payout_id'],
    ['balance_transaction_id'],
    ['effective_at_utc', 'effective_at'],
    ['currency'],
    ['gross'],
    ['fee', 'net'],
    ['reporting_category'],
  ],
  assumed: ['created', 'amount', 'fee', 'net'],
  open,
}
