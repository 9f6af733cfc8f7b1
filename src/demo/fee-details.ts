import type { LedgerFeeDetail } from '../ledger/rows.ts'
import { demoMarkets } from './markets.ts'
import type { DemoBalanceTransaction } from './rows.ts'

/** What the fee of a row consists of: the fee proper, and the tax on it where the market's fees include it. */
export function feeDetailsOf(row: DemoBalanceTransaction): LedgerFeeDetail[] {
  if (row.fee === 0) return []
  const billing = demoMarkets.find(({ currency }) => currency === row.currency)?.billing
  const permille = billing?.areFeesTaxed ? billing.taxPermille : 0
  const tax = Math.round((row.fee * permille) / (1000 + permille))
  const parts = [
    { type: 'stripe_fee', amount: row.fee - tax, description: describe(row) },
    ...(tax === 0 ? [] : [{ type: 'tax', amount: tax, description: billing?.taxName ?? null }]),
  ]
  return parts.map((part, position) => ({
    ...part,
    balanceTransactionId: row.id,
    position,
    currency: row.currency,
  }))
}

function describe({ reportingCategory }: DemoBalanceTransaction): string {
  if (reportingCategory === 'charge') return 'Payment processing'
  if (reportingCategory === 'dispute') return 'Dispute handling'
  return reportingCategory === 'dispute_reversal' ? 'Dispute handling, returned' : 'Instant payout'
}
