import { idOf } from './transaction-fields.ts'

/** Reporting categories by type, for types whose category has another name. */
const categories: Readonly<Record<string, string>> = {
  payment: 'charge',
  validation: 'charge',
  payment_failure_refund: 'charge_failure',
  payment_refund: 'refund',
  payment_reversal: 'refund',
  stripe_fee: 'fee',
  stripe_fx_fee: 'fee',
  tax_fee: 'tax',
  payout_cancel: 'payout_reversal',
  payout_failure: 'payout_reversal',
  reserved_funds: 'risk_reserved_funds',
  reserve_hold: 'risk_reserved_funds',
  reserve_release: 'risk_reserved_funds',
  reserve_transaction: 'connect_reserved_funds',
  application_fee: 'platform_earning',
  application_fee_refund: 'platform_earning_refund',
  recipient_transfer: 'transfer',
  transfer_cancel: 'transfer_reversal',
  transfer_failure: 'transfer_reversal',
  transfer_refund: 'transfer_reversal',
  recipient_transfer_cancel: 'transfer_reversal',
  recipient_transfer_failure: 'transfer_reversal',
  climate_reservation_purchase: 'climate_order_purchase',
  climate_reservation_refund: 'climate_order_refund',
  obligation_outbound: 'other_adjustment',
  obligation_reversal_inbound: 'other_adjustment',
  payment_unreconciled: 'unreconciled_customer_funds',
  transferred_to_balance_transaction: 'unreconciled_customer_funds',
}

/**
 * Returns the reporting category of a type. An unknown type is its own category. The result is a guess where Stripe
 * uses one type for several categories: a refund can belong to a partial capture, and a fee can be a network cost.
 */
export function reportingCategoryOf(
  type: string,
  { sourceId, description, amount }: { sourceId: string | null; description: string | null; amount: number },
): string {
  if (type !== 'adjustment' && type !== 'adjusted_for_overdraft_transaction') return categories[type] ?? type
  // An adjustment can be a dispute, lost or won, or anything else. Old exports have no dispute ids, only the description.
  const isDispute = idOf(sourceId, 'dp_', 'du_') !== null || /^chargeback\b/i.test(description ?? '')
  if (!isDispute) return 'other_adjustment'
  return amount > 0 ? 'dispute_reversal' : 'dispute'
}
