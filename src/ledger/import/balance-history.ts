import { ledgerSides } from '../coverage.ts'
import type { LedgerPayout } from '../rows.ts'
import { type Columns, fieldsReader, type Line } from './columns.ts'
import type { ExportKind, LineReader } from './export-kind.ts'
import { reportingCategoryOf } from './reporting-category.ts'
import {
  amountsReader,
  chargeIdOf,
  currencyReader,
  facingCurrencyReader,
  idOf,
  sweptInto,
} from './transaction-fields.ts'

/** Types of what goes to the bank or comes back from it; their source is a payout. */
const payoutTypes = new Set(['payout', 'payout_cancel', 'payout_failure'])

/** What the columns say, each in its place. */
function openFields(columns: Columns) {
  const currency = currencyReader(columns)
  const amounts = amountsReader(columns, 'amount', currency)
  const facingCurrency = facingCurrencyReader(columns, 'customer facing currency')
  const rowOf = fieldsReader({
    id: columns.neededText('id'),
    type: columns.neededText('type'),
    currency,
    created: columns.neededTime('created (utc)', 'created'),
    availableOn: columns.time('available on (utc)', 'available on'),
    description: columns.text('description'),
    sourceId: columns.text('source'),
  })
  // After the amounts, whose first one decides how decimals are written in the whole file.
  const facingOf = fieldsReader({
    customerFacingAmount: columns.amount('customer facing amount', facingCurrency),
    customerFacingCurrency: facingCurrency,
  })
  /** The payout into which the row was swept, and when that arrived. A payout of the automatic ones names itself. */
  const bankOf = fieldsReader({
    id: columns.text('transfer'),
    date: columns.time('transfer date (utc)', 'transfer date'),
  })
  return (line: Line) => ({
    row: { ...rowOf(line), ...amounts(line), ...facingOf(line) },
    bank: bankOf(line),
  })
}

type Fields = ReturnType<ReturnType<typeof openFields>>

/** Before payouts had a type and ids of their own they were transfers that name themselves. */
function typeOf({ row, bank }: Fields): string {
  return row.type === 'transfer' && bank.id !== null && bank.id === row.sourceId ? 'payout' : row.type
}

/** What the line says of where the money went. */
function destinationOf({ row, bank }: Fields, type: string) {
  const payoutId = payoutTypes.has(type) ? row.sourceId : null
  const isPayout = type === 'payout'
  const isAutomatic = isPayout && bank.id !== null && bank.id === payoutId
  // The money leaves when an automatic payout arrives, and at once by hand: both is what "available on" says, too.
  const leftAt = isPayout ? (isAutomatic && bank.date) || row.availableOn : null
  return {
    payoutId,
    automaticPayoutId: sweptInto(bank.id, payoutId),
    effectiveAt: leftAt ?? row.created,
  }
}

/** The payouts that the line says something of: itself, when it is one, and the one that its money went into. */
function payoutsOf({ row, bank }: Fields, type: string, payoutId: string | null): LedgerPayout[] {
  const { amount, currency, created, description } = row
  const itself =
    type === 'payout' && payoutId !== null
      ? [{ id: payoutId, amount: -amount, currency, created, description }]
      : []
  if (bank.id === null || bank.date === null) return itself
  const { id, date } = bank
  return [...itself, { id, currency, isAutomatic: true, arrivalDate: date, effectiveAt: date }]
}

function open(columns: Columns): LineReader {
  const fieldsOf = openFields(columns)
  const metadataOf = columns.metadata(/^(.+) \(metadata\)$/)
  return {
    sides: () => ledgerSides,
    read: (line, batch) => {
      const fields = fieldsOf(line)
      const { row } = fields
      const type = typeOf(fields)
      const chargeId = chargeIdOf(row.sourceId)
      const destination = destinationOf(fields, type)
      // Only the source's own kind says where it belongs.
      const metadata = metadataOf(line)
      batch.balanceTransactions.push({
        ...row,
        ...destination,
        type,
        reportingCategory: reportingCategoryOf(type, row),
        chargeId,
        refundMetadata: idOf(row.sourceId, 're_', 'pyr_') ? metadata : null,
        transferMetadata: idOf(row.sourceId, 'tr_') ? metadata : null,
      })
      batch.payouts.push(...payoutsOf(fields, type, destination.payoutId))
      if (chargeId !== null && metadata) batch.charges.push({ id: chargeId, metadata })
      return row.created
    },
  }
}

/** "All activity" of the Dashboard's balance: every balance transaction, with a type instead of a reporting category. */
export const balanceHistory: ExportKind = {
  title: 'balance history',
  needs: [['id'], ['type'], ['amount'], ['fee', 'net'], ['currency'], ['created (utc)', 'created']],
  // Its times have no seconds, so one that is known is better.
  assumed: ['reportingCategory', 'created', 'effectiveAt'],
  open,
}
