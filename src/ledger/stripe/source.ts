import type Stripe from 'stripe'
import type { LedgerBalanceTransaction } from '../rows.ts'
import { connectedAccountColumns } from './connected-account.ts'
import { idOf, wholeOf } from './expandable.ts'
import { metadataOf } from './values.ts'

/** What the payer saw, without a sign. */
type FacingAmount = { amount: number; currency: string }

/** What the object behind a balance transaction tells of it. */
export type SourceFacts = {
  columns: Partial<LedgerBalanceTransaction>
  facing?: FacingAmount
  charge?: Stripe.Charge | null
  payout?: Stripe.Payout
}

/** Objects of other kinds, or of kinds that are newer than this, tell nothing beyond their id. */
export function sourceFacts(source: Stripe.BalanceTransactionSource | null): SourceFacts {
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

/** A fee comes from a charge of the platform, or else from a direct charge on the connected account. */
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
