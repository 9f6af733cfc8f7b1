import type Stripe from 'stripe'
import { InputError } from '../../errors.ts'
import { isCurrency } from '../minor-units.ts'
import { emptyBatch, type LedgerBalanceTransaction, type LedgerBatch, type LedgerFeeDetail } from '../rows.ts'
import {
  chargeRow,
  customerRow,
  idOf,
  metadataOf,
  payoutEffectiveAt,
  payoutRow,
  timeOf,
  wholeOf,
} from './objects.ts'

/** Fields to expand in lists of balance transactions, for the rows below. */
export const expandTransactions = [
  'data.source',
  'data.source.customer',
  'data.source.payment_intent',
  'data.source.transfer',
  'data.source.charge.customer',
  'data.source.charge.payment_intent',
  'data.source.destination',
  'data.source.transfer.destination',
  'data.source.account',
  'data.source.fee.account',
  'data.source.failure_balance_transaction',
]

/** Converts balance transactions with expanded sources into rows. */
export function ledgerBatch(transactions: readonly Stripe.BalanceTransaction[]): LedgerBatch {
  const batch: LedgerBatch = emptyBatch()
  for (const transaction of transactions) {
    const facts = sourceFacts(wholeOf(transaction.source))
    batch.balanceTransactions.push(transactionRow(transaction, facts))
    batch.feeDetails.push(...feeDetailRows(transaction))
    if (facts.payout) batch.payouts.push(payoutRow(facts.payout))
    if (facts.charge) batch.charges.push(chargeRow(facts.charge))
    const customer = wholeOf(facts.charge?.customer)
    const row = customer && customerRow(customer)
    if (row) batch.customers.push(row)
  }
  return batch
}

function transactionRow(
  transaction: Stripe.BalanceTransaction,
  { columns, facing, payout }: SourceFacts,
): LedgerBalanceTransaction {
  const { id, type, currency, amount, fee, net, description } = transaction
  checkCurrency(id, currency)
  if (facing) checkCurrency(id, facing.currency)
  const created = timeOf(transaction.created)
  return {
    id,
    type,
    reportingCategory: transaction.reporting_category,
    isCategoryGiven: true,
    currency,
    amount,
    fee,
    net,
    created,
    availableOn: timeOf(transaction.available_on),
    // Only the payout itself waits for its arrival. A returned payout is effective immediately.
    effectiveAt: payout && type === 'payout' ? payoutEffectiveAt(payout) : created,
    description,
    sourceId: idOf(transaction.source),
    ...(facing && {
      customerFacingAmount: amount < 0 ? -facing.amount : facing.amount,
      customerFacingCurrency: facing.currency,
    }),
    ...columns,
  }
}

/** @throws InputError for a currency whose number of decimals is not known */
function checkCurrency(id: string, currency: string): void {
  if (isCurrency(currency)) return
  throw new InputError(
    `The balance transaction ${id} has the currency ${JSON.stringify(currency)}, and this version does not know how many decimals its amounts have. Update Report Gateway.`,
    [],
  )
}

function feeDetailRows({ id, fee_details }: Stripe.BalanceTransaction): LedgerFeeDetail[] {
  return fee_details.map(({ type, amount, currency, description, application }, position) => ({
    balanceTransactionId: id,
    position,
    type,
    amount,
    currency,
    description,
    application,
  }))
}

/** The amount that the customer saw, without a sign. */
type FacingAmount = { amount: number; currency: string }

/** The data that the source of a balance transaction adds. */
type SourceFacts = {
  columns: Partial<LedgerBalanceTransaction>
  facing?: FacingAmount
  charge?: Stripe.Charge | null
  payout?: Stripe.Payout
}

/** Other object types, including future ones, add only their id. */
function sourceFacts(source: Stripe.BalanceTransactionSource | null): SourceFacts {
  switch (source?.object) {
    case 'charge':
      return chargeFacts(source)
    case 'refund':
      return refundFacts(source)
    case 'dispute':
      return disputeFacts(source)
    case 'payout':
      return { columns: { payoutId: source.id }, payout: source }
    case 'transfer':
      return { columns: transferColumns(source) }
    case 'transfer_reversal':
      return { columns: transferColumns(source.transfer) }
    case 'connect_collection_transfer':
      return { columns: connectedAccountColumns(source.destination) }
    case 'application_fee':
      return applicationFeeFacts(source)
    case 'fee_refund':
      return applicationFeeFacts(source.fee)
    default:
      return { columns: {} }
  }
}

function facingOf({
  amount,
  currency,
  presentment_details: presented,
}: Stripe.Charge | Stripe.Refund): FacingAmount {
  return presented
    ? { amount: presented.presentment_amount, currency: presented.presentment_currency }
    : { amount, currency }
}

function transferColumns(link: string | Stripe.Transfer): Partial<LedgerBalanceTransaction> {
  const transfer = wholeOf(link)
  return {
    destinationPaymentId: idOf(transfer?.destination_payment),
    transferMetadata: metadataOf(transfer?.metadata),
    ...connectedAccountColumns(transfer?.destination),
  }
}

function chargeFacts(charge: Stripe.Charge): SourceFacts {
  return {
    columns: {
      chargeId: charge.id,
      ...connectedAccountColumns(charge.transfer_data?.destination),
      ...(charge.transfer && transferColumns(charge.transfer)),
    },
    facing: facingOf(charge),
    charge,
  }
}

function refundFacts(refund: Stripe.Refund): SourceFacts {
  return {
    columns: { chargeId: idOf(refund.charge), refundMetadata: metadataOf(refund.metadata) },
    facing: facingOf(refund),
    charge: wholeOf(refund.charge),
  }
}

function disputeFacts(dispute: Stripe.Dispute): SourceFacts {
  return {
    columns: { chargeId: idOf(dispute.charge), disputeReason: dispute.reason },
    facing: { amount: dispute.amount, currency: dispute.currency },
    charge: wholeOf(dispute.charge),
  }
}

/** An application fee comes from a charge of the platform or from a direct charge on the connected account. */
function applicationFeeFacts(link: string | Stripe.ApplicationFee): SourceFacts {
  const fee = wholeOf(link)
  if (!fee) return { columns: {} }
  const chargeId = idOf(fee.originating_transaction)
  return {
    columns: {
      ...connectedAccountColumns(fee.account),
      chargeId,
      connectedAccountDirectChargeId: chargeId === null ? idOf(fee.charge) : null,
    },
  }
}

/** The connected account of a transfer, charge or fee. Its name is the one that customers see, if there is one. */
function connectedAccountColumns(link: string | Stripe.Account | null | undefined) {
  const account = wholeOf(link)
  return {
    connectedAccountId: idOf(link),
    connectedAccountName:
      account?.business_profile?.name ?? account?.settings?.dashboard?.display_name ?? null,
    connectedAccountCountry: account?.country ?? null,
  }
}
