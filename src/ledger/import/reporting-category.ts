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

/** What determines the category of an adjustment. */
type Adjustment = { sourceId: string | null; description: string | null; amount: number; net: number }

/**
 * Returns the reporting category of a type. An unknown type is its own category. The result is a guess where Stripe
 * uses one type for several categories: a refund can belong to a partial capture, and a fee can be a network cost.
 */
export function reportingCategoryOf(type: string, row: Adjustment): string {
  return type === 'adjustment' || type === 'adjusted_for_overdraft_transaction'
    ? adjustmentCategoryOf(row)
    : (categories[type] ?? type)
}

/**
 * An adjustment can be a failed refund, a dispute, lost or won, or anything else. Its source shows which. Old exports have
 * no ids of disputes, only the description. Stripe documents no other category for adjustments.
 */
function adjustmentCategoryOf({ sourceId, description, amount, net }: Adjustment): string {
  // A dispute whose amount was not withdrawn can still have a fee.
  const isIncrease = (amount || net) > 0
  const isDispute = idOf(sourceId, 'dp_', 'du_') !== null || /^chargeback\b/i.test(description ?? '')
  if (isDispute) return isIncrease ? 'dispute_reversal' : 'dispute'
  const isRefund = idOf(sourceId, 're_', 'pyr_') !== null || /^refund failure\b/i.test(description ?? '')
  return isRefund && isIncrease ? 'refund_failure' : 'other_adjustment'
}
