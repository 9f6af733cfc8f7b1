import type { LedgerCharge, LedgerPayout } from '../rows.ts'
import { type Columns, fieldsReader, type Line } from './columns.ts'
import type { ExportKind, LineReader } from './export-kind.ts'
import { chargeReader, customerReader } from './itemized-charge.ts'
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
  timeOfVersion,
} from './transaction-fields.ts'

function transactionReader(columns: Columns) {
  const currency = currencyReader(columns)
  const amounts = amountsReader(columns, 'gross', currency)
  const sourceId = columns.text('source_id')
  const chargeId = columns.text('charge_id')
  const facingCurrency = facingCurrencyReader(columns, 'customer_facing_currency')
  const read = fieldsReader({
    id: transactionIdReader(columns, 'balance_transaction_id'),
    reportingCategory: kindReader(columns, 'reporting_category'),
    currency,
    created: columns.requiredTime('created_utc', 'created'),
    availableOn: columns.time('available_on_utc', 'available_on'),
    description: columns.text('description'),
    sourceId,
    chargeId: (line) => chargeId(line) ?? chargeIdOf(sourceId(line)),
    destinationPaymentId: columns.text('destination_payment_id'),
    regulatoryTag: columns.text('regulatory_tag'),
    disputeReason: columns.text('dispute_reason'),
    refundMetadata: columns.metadata(/^refund_metadata\[(.+)\]$/),
    transferMetadata: columns.metadata(/^transfer_metadata\[(.+)\]$/),
    connectedAccountId: columns.text('connected_account_id'),
    connectedAccountName: columns.text('connected_account_name'),
    connectedAccountCountry: columns.text('connected_account_country'),
    connectedAccountDirectChargeId: columns.text('connected_account_direct_charge_id'),
  })
  const readFacing = fieldsReader({
    customerFacingAmount: columns.amount('customer_facing_amount', facingCurrency, 'facing'),
    customerFacingCurrency: facingCurrency,
  })
  return (line: Line) => ({ ...read(line), ...amounts(line), ...readFacing(line) })
}

/** Reads the automatic payout of a line, with the time at which the payout left the balance. */
function automaticPayoutReader(columns: Columns) {
  return fieldsReader({
    id: payoutIdReader(columns, 'automatic_payout_id'),
    effectiveAt: timeOfVersion(columns, 'automatic_payout_effective_at', 'created'),
    traceId: columns.text('trace_id'),
    traceIdStatus: columns.text('trace_id_status'),
  })
}

type Transaction = ReturnType<ReturnType<typeof transactionReader>>
type AutomaticPayout = ReturnType<ReturnType<typeof automaticPayoutReader>>

/** Returns the payout that a row represents, the payout that swept the row, and when the row changed the balance. */
function destinationOf(row: Transaction, bank: AutomaticPayout) {
  const isPayout = row.reportingCategory === 'payout'
  const isPayoutChange = row.reportingCategory.startsWith('payout')
  // Without source_id, the row of an automatic payout still names itself as the payout that swept it.
  const payoutId = (isPayoutChange ? idOf(row.sourceId, 'po_') : null) ?? (isPayout ? bank.id : null)
  const leftAt = isPayout ? (bank.effectiveAt ?? row.availableOn) : null
  return {
    payoutId,
    automaticPayoutId: isPayout ? null : sweptInto(bank.id, payoutId),
    effectiveAt: leftAt ?? row.created,
  }
}

function payoutsOf({ currency }: Transaction, bank: AutomaticPayout): LedgerPayout[] {
  if (bank.id === null) return []
  return [{ ...bank, id: bank.id, currency, isAutomatic: true, arrivalDate: bank.effectiveAt }]
}

/**
 * Distinguishes activity from other reports with the same columns. A payout reconciliation has only swept rows. An
 * ending balance reconciliation has only rows that were still in the balance at its end, so their payouts left after the
 * last row was created. In activity, some payouts left before that. The Dashboard exports activity without the payout
 * column. It also exports the rows of one category, with the columns of all.
 */
function createActivityCheck(columns: Columns) {
  const hasPayout = columns.has('automatic_payout_id')
  const categories = new Set<string>()
  let [firstLeft, lastCreated, hasWaiting] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, false]
  return {
    add: (row: Transaction, bank: AutomaticPayout) => {
      if (bank.id === null) hasWaiting ||= row.reportingCategory !== 'payout'
      else if (bank.effectiveAt) firstLeft = Math.min(firstLeft, bank.effectiveAt.getTime())
      lastCreated = Math.max(lastCreated, row.created.getTime())
      categories.add(row.reportingCategory)
    },
    isActivity: () => categories.size > 1 && (!hasPayout || (hasWaiting && firstLeft <= lastCreated)),
  }
}

/** Returns true when a row has more than its id. */
function hasMoreThanId(row: LedgerCharge): boolean {
  return Object.entries(row).some(([field, value]) => field !== 'id' && value !== null)
}

function open(columns: Columns): LineReader {
  const transactionOf = transactionReader(columns)
  const automaticPayoutOf = automaticPayoutReader(columns)
  const chargeOf = chargeReader(columns)
  const customerOf = customerReader(columns)
  const activity = createActivityCheck(columns)
  const checkSign = createSignCheck(columns, 'gross')
  const checkCurrency = createPayoutCurrencyCheck(columns)

  return {
    payoutsKnown: columns.has('automatic_payout_id'),
    sides: () => (activity.isActivity() ? ['activity'] : []),
    read: (line, batch) => {
      const row = transactionOf(line)
      const bank = automaticPayoutOf(line)
      checkSign(line, row.reportingCategory, row)
      checkCurrency(bank.id, row.currency)
      const charges = row.chargeId === null ? [] : [chargeOf(line, row.chargeId)]
      const customer = customerOf(line)
      batch.balanceTransactions.push({ ...row, ...destinationOf(row, bank), isCategoryGiven: true })
      batch.payouts.push(...payoutsOf(row, bank))
      batch.charges.push(...charges.filter(hasMoreThanId))
      if (customer) batch.customers.push(customer)
      activity.add(row, bank)
      return row.created
    },
  }
}

/** The itemized reports of activity, payout reconciliation and ending balance, which have the same columns. */
export const itemizedTransactions: ExportKind = {
  title: 'itemized balance change or payout reconciliation',
  requiredColumns: [
    ['balance_transaction_id'],
    ['created_utc', 'created'],
    ['currency'],
    ['gross'],
    ['fee', 'net'],
    ['reporting_category'],
  ],
  assumed: [],
  open,
}
