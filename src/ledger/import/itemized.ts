import type { LedgerCharge, LedgerPayout } from '../rows.ts'
import type { Columns, Line } from './columns.ts'
import type { ExportKind, LineReader } from './export-kind.ts'
import { chargeReader, customerReader } from './itemized-charge.ts'
import {
  amountsReader,
  chargeIdOf,
  currencyReader,
  facingCurrencyReader,
  idOf,
  sweptInto,
  timeOfVersion,
} from './transaction-fields.ts'

function openTransaction(columns: Columns) {
  const id = columns.needed('balance_transaction_id')
  const currency = currencyReader(columns, 'currency')
  const amounts = amountsReader(columns, { amount: 'gross', fee: 'fee', net: 'net' }, currency)
  const category = columns.needed('reporting_category')
  const created = columns.neededTime('created_utc', 'created')
  const availableOn = columns.time('available_on_utc', 'available_on')
  const description = columns.text('description')
  const sourceId = columns.text('source_id')
  const chargeId = columns.text('charge_id')
  const destinationPaymentId = columns.text('destination_payment_id')
  const facingCurrency = facingCurrencyReader(columns, 'customer_facing_currency')
  const facingAmount = columns.amount('customer_facing_amount', facingCurrency)
  const regulatoryTag = columns.text('regulatory_tag')
  const disputeReason = columns.text('dispute_reason')
  const refundMetadata = columns.metadata(/^refund_metadata\[(.+)\]$/)
  const transferMetadata = columns.metadata(/^transfer_metadata\[(.+)\]$/)
  const accountId = columns.text('connected_account_id')
  const accountName = columns.text('connected_account_name')
  const accountCountry = columns.text('connected_account_country')
  const directChargeId = columns.text('connected_account_direct_charge_id')
  return (line: Line) => ({
    id: id(line),
    reportingCategory: category(line),
    currency: currency(line),
    ...amounts(line),
    created: created(line),
    availableOn: availableOn(line),
    description: description(line),
    sourceId: sourceId(line),
    chargeId: chargeId(line) ?? chargeIdOf(sourceId(line)),
    destinationPaymentId: destinationPaymentId(line),
    customerFacingAmount: facingAmount(line),
    customerFacingCurrency: facingCurrency(line),
    regulatoryTag: regulatoryTag(line),
    disputeReason: disputeReason(line),
    refundMetadata: refundMetadata(line),
    transferMetadata: transferMetadata(line),
    connectedAccountId: accountId(line),
    connectedAccountName: accountName(line),
    connectedAccountCountry: accountCountry(line),
    connectedAccountDirectChargeId: directChargeId(line),
  })
}

/** The automatic payout that a line names, and when it left the balance. */
function openAutomaticPayout(columns: Columns) {
  const id = columns.text('automatic_payout_id')
  const effectiveAt = timeOfVersion(columns, 'automatic_payout_effective_at', 'created')
  const traceId = columns.text('trace_id')
  const traceIdStatus = columns.text('trace_id_status')
  return (line: Line) => ({
    id: id(line),
    effectiveAt: effectiveAt(line),
    traceId: traceId(line),
    traceIdStatus: traceIdStatus(line),
  })
}

type Transaction = ReturnType<ReturnType<typeof openTransaction>>
type AutomaticPayout = ReturnType<ReturnType<typeof openAutomaticPayout>>

/** Which payouts a row is or went into, and when it changed the balance. */
function destinationOf(row: Transaction, bank: AutomaticPayout) {
  const payoutId = row.reportingCategory.startsWith('payout') ? idOf(row.sourceId, 'po_') : null
  const leftAt = row.reportingCategory === 'payout' ? (bank.effectiveAt ?? row.availableOn) : null
  return {
    payoutId,
    automaticPayoutId: sweptInto(bank.id, payoutId),
    effectiveAt: leftAt ?? row.created,
  }
}

function payoutsOf({ currency }: Transaction, bank: AutomaticPayout): LedgerPayout[] {
  if (bank.id === null) return []
  return [{ ...bank, id: bank.id, currency, isAutomatic: true, arrivalDate: bank.effectiveAt }]
}

/**
 * Tells activity from the reports that have the same columns. A reconciliation of payouts has only rows that were swept. One
 * of the ending balance has only rows that were there at its end, and the payouts that took some of them left later: in
 * activity of the same time, payouts have left as well. The Dashboard exports activity without the column of the payout.
 */
function createActivityCheck(columns: Columns) {
  const tellsPayout = columns.has('automatic_payout_id')
  let [firstLeft, lastCreated, hasWaiting] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, false]
  return {
    add: (row: Transaction, bank: AutomaticPayout) => {
      if (bank.id === null) hasWaiting ||= row.reportingCategory !== 'payout'
      else if (bank.effectiveAt) firstLeft = Math.min(firstLeft, bank.effectiveAt.getTime())
      lastCreated = Math.max(lastCreated, row.created.getTime())
    },
    isActivity: () => !tellsPayout || (hasWaiting && firstLeft <= lastCreated),
  }
}

/** One that has nothing but its id is no news. */
function isMoreThanId(row: LedgerCharge): boolean {
  return Object.entries(row).some(([field, value]) => field !== 'id' && value !== null)
}

function open(columns: Columns): LineReader {
  const transactionOf = openTransaction(columns)
  const automaticPayoutOf = openAutomaticPayout(columns)
  const chargeOf = chargeReader(columns)
  const customerOf = customerReader(columns)
  const activity = createActivityCheck(columns)

  return {
    sides: () => (activity.isActivity() ? ['activity'] : []),
    read: (line, batch) => {
      const row = transactionOf(line)
      const bank = automaticPayoutOf(line)
      const charges = row.chargeId === null ? [] : [chargeOf(line, row.chargeId)]
      const customer = customerOf(line)
      batch.balanceTransactions.push({ ...row, ...destinationOf(row, bank) })
      batch.payouts.push(...payoutsOf(row, bank))
      batch.charges.push(...charges.filter(isMoreThanId))
      if (customer) batch.customers.push(customer)
      activity.add(row, bank)
      return row.created
    },
  }
}

/** The itemized reports of activity, of payout reconciliation and of the ending balance: their columns are the same. */
export const itemizedTransactions: ExportKind = {
  title: 'itemized balance change or payout reconciliation',
  needs: [
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
