import type { Columns, Line, NeededReader } from './columns.ts'
import type { ExportKind, LineReader } from './export-kind.ts'
import { type Amounts, currencyReader, givenAmountsReader, timeOfVersion } from './transaction-fields.ts'

function openPayout(columns: Columns) {
  const id = columns.needed('payout_id')
  const arrivalDate = columns.time('payout_expected_arrival_date')
  const status = columns.text('payout_status')
  const type = columns.text('payout_type')
  const description = columns.text('payout_description')
  const destinationId = columns.text('payout_destination_id')
  const reversedAt = timeOfVersion(columns, 'payout_reversed_at', 'effective_at')
  const traceId = columns.text('trace_id')
  const traceIdStatus = columns.text('trace_id_status')
  return (line: Line) => ({
    id: id(line),
    arrivalDate: arrivalDate(line),
    status: status(line),
    type: type(line),
    description: description(line),
    destinationId: destinationId(line),
    reversedAt: reversedAt(line),
    traceId: traceId(line),
    traceIdStatus: traceIdStatus(line),
  })
}

/**
 * Stripe writes a payout as what the bank gets, this gateway as what the balance loses. Either way it takes from the
 * balance, and its fee with it; one that came back gives, and may give its fee back, too. That shows in a net which is
 * larger than the amount, whichever way the signs are.
 */
function balanceChangeReader(columns: Columns, category: (line: Line) => string): NeededReader<Amounts> {
  const currency = currencyReader(columns, 'currency')
  const read = givenAmountsReader(columns, { amount: 'gross', fee: 'fee', net: 'net' }, currency)
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
  const id = columns.needed('balance_transaction_id')
  const category = columns.needed('reporting_category')
  const currency = currencyReader(columns, 'currency')
  const change = balanceChangeReader(columns, category)
  const effectiveAt = columns.neededTime('effective_at_utc', 'effective_at')
  const description = columns.text('description')
  const regulatoryTag = columns.text('regulatory_tag')
  const payoutOf = openPayout(columns)

  return {
    sides: () => ['payouts'],
    read: (line, batch) => {
      const payout = payoutOf(line)
      const amounts = change(line)
      const at = effectiveAt(line)
      const row = { id: id(line), reportingCategory: category(line), currency: currency(line) }
      batch.balanceTransactions.push({
        ...row,
        ...amounts,
        created: at,
        effectiveAt: at,
        description: description(line),
        sourceId: payout.id,
        payoutId: payout.id,
        regulatoryTag: regulatoryTag(line),
      })
      const isPayout = row.reportingCategory === 'payout'
      batch.payouts.push({
        ...payout,
        currency: row.currency,
        // What came back came back at a time of its own.
        ...(isPayout && { amount: -amounts.amount, effectiveAt: at }),
      })
      return at
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
