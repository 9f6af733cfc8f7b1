import { ledgerSides } from '../coverage.ts'
import type { LedgerPayout } from '../rows.ts'
import { type Columns, fieldsReader, type Line } from './columns.ts'
import type { ExportKind, LineReader } from './export-kind.ts'
import { reportingCategoryOf } from './reporting-category.ts'
import {
  createPayoutCurrencyCheck,
  createSignCheck,
  kindReader,
  payoutIdReader,
  transactionIdReader,
} from './row-checks.ts'
import {
  amountsReader,
  chargeIdOf,
  currencyReader,
  facingCurrencyReader,
  idOf,
  sweptInto,
} from './transaction-fields.ts'

/** Types whose source is a payout. */
const payoutTypes = new Set(['payout', 'payout_cancel', 'payout_failure'])

/** Creates a reader for the fields of a line. */
function openFields(columns: Columns) {
  const currency = currencyReader(columns)
  const amounts = amountsReader(columns, 'amount', currency)
  const facingCurrency = facingCurrencyReader(columns, 'customer facing currency')
  const rowOf = fieldsReader({
    id: transactionIdReader(columns, 'id'),
    type: kindReader(columns, 'type'),
    currency,
    created: columns.requiredTime('created (utc)', 'created'),
    availableOn: columns.time('available on (utc)', 'available on'),
    description: columns.text('description'),
    sourceId: columns.text('source'),
  })
  // Read after the amounts, because the first amount determines the decimal separator of the file.
  const facingOf = fieldsReader({
    customerFacingAmount: columns.amount('customer facing amount', facingCurrency, 'facing'),
    customerFacingCurrency: facingCurrency,
  })
  /** The payout that swept the row, and when it arrived. An automatic payout names itself. */
  const bankOf = fieldsReader({
    id: payoutIdReader(columns, 'transfer'),
    date: columns.time('transfer date (utc)', 'transfer date'),
  })
  return (line: Line) => ({
    row: { ...rowOf(line), ...amounts(line), ...facingOf(line) },
    bank: bankOf(line),
  })
}

type Fields = ReturnType<ReturnType<typeof openFields>>

/** In old exports, payouts have the type "transfer" and name themselves. */
function typeOf({ row, bank }: Fields): string {
  return row.type === 'transfer' && bank.id !== null && bank.id === row.sourceId ? 'payout' : row.type
}

/** Returns the payout that a row represents, the payout that swept the row, and when the row changed the balance. */
function destinationOf({ row, bank }: Fields, type: string) {
  // Without the column Source, the row of an automatic payout still names itself as the payout that swept it.
  const itself = type === 'payout' ? bank.id : null
  const payoutId = payoutTypes.has(type) ? (idOf(row.sourceId, 'po_', 'tr_') ?? itself) : null
  const isPayout = type === 'payout'
  const isAutomatic = isPayout && bank.id !== null && bank.id === payoutId
  // An automatic payout leaves the balance when it arrives, a manual one immediately. "Available on" has the same time.
  const leftAt = isPayout ? (isAutomatic && bank.date) || row.availableOn : null
  return {
    payoutId,
    automaticPayoutId: isPayout ? null : sweptInto(bank.id, payoutId),
    effectiveAt: leftAt ?? row.created,
  }
}

/** Returns the payouts in a line: the payout that the row is, and the payout that swept the row. */
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
  const checkSign = createSignCheck(columns, 'amount')
  const checkCurrency = createPayoutCurrencyCheck(columns)
  const metadataOf = columns.metadata(/^(.+) \(metadata\)$/)
  return {
    payoutsKnown: columns.has('transfer'),
    sides: () => ledgerSides,
    read: (line, batch) => {
      const fields = fieldsOf(line)
      const { row } = fields
      const type = typeOf(fields)
      const reportingCategory = reportingCategoryOf(type, row)
      const chargeId = chargeIdOf(row.sourceId)
      const destination = destinationOf(fields, type)
      checkSign(line, reportingCategory, row)
      for (const payout of [destination.payoutId, fields.bank.id]) checkCurrency(payout, row.currency)
      // The type of the source determines the object that the metadata belongs to.
      const metadata = metadataOf(line)
      batch.balanceTransactions.push({
        ...row,
        ...destination,
        type,
        reportingCategory,
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

/** "All activity" of the Dashboard's balance page: all balance transactions, with a type but no reporting category. */
export const balanceHistory: ExportKind = {
  title: 'balance history',
  requiredColumns: [['id'], ['type'], ['amount'], ['fee', 'net'], ['currency'], ['created (utc)', 'created']],
  assumed: ['reportingCategory'],
  open,
}
