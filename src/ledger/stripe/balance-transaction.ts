import type Stripe from 'stripe'
import { emptyBatch, type LedgerBalanceTransaction, type LedgerBatch, type LedgerFeeDetail } from '../rows.ts'
import { chargeRow } from './charge.ts'
import { customerRow } from './customer.ts'
import { idOf, wholeOf } from './expandable.ts'
import { payoutEffectiveAt, payoutRow } from './payout.ts'
import { type SourceFacts, sourceFacts } from './source.ts'
import { timeOf } from './values.ts'

/** What the rows below need of the API beside the transaction itself. */
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

/** The rows of balance transactions whose sources were asked for whole. */
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

// A payout that comes back does so when it comes back; only the payout itself waits for its arrival.
function effectiveAt({ type, created }: Stripe.BalanceTransaction, { payout }: SourceFacts): Date {
  return payout && type === 'payout' ? payoutEffectiveAt(payout) : timeOf(created)
}

function transactionRow(
  transaction: Stripe.BalanceTransaction,
  facts: SourceFacts,
): LedgerBalanceTransaction {
  const { id, type, currency, amount, fee, net, description } = transaction
  const { columns, facing } = facts
  return {
    id,
    type,
    reportingCategory: transaction.reporting_category,
    currency,
    amount,
    fee,
    net,
    created: timeOf(transaction.created),
    availableOn: timeOf(transaction.available_on),
    effectiveAt: effectiveAt(transaction, facts),
    description,
    sourceId: idOf(transaction.source),
    ...(facing && {
      customerFacingAmount: amount < 0 ? -facing.amount : facing.amount,
      customerFacingCurrency: facing.currency,
    }),
    ...columns,
  }
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
