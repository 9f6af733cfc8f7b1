// The columns of each type as Stripe documents them, typed in from the reference and not from the code.

function address(prefix: string): string {
  return `${prefix}_line1 ${prefix}_line2 ${prefix}_city ${prefix}_state ${prefix}_postal_code ${prefix}_country`
}

/** The columns of the itemized activity, by version. */
export const activity = {
  1: `balance_transaction_id created_utc available_on_utc currency gross fee net reporting_category source_id description
    customer_facing_amount customer_facing_currency automatic_payout_id automatic_payout_effective_at
    customer_id customer_email customer_name customer_description ${address('shipping_address')}
    charge_id payment_intent_id charge_created_utc invoice_id subscription_id
    payment_method_type is_link card_brand card_funding card_country statement_descriptor trace_id trace_id_status`,
  2: `balance_transaction_id created_utc available_on_utc currency gross fee net reporting_category source_id description
    customer_facing_amount customer_facing_currency regulatory_tag automatic_payout_id automatic_payout_effective_at
    customer_id customer_email customer_name customer_description
    ${address('customer_shipping_address')} ${address('customer_address')}
    ${address('shipping_address')} ${address('card_address')}
    charge_id payment_intent_id charge_created_utc invoice_id invoice_number subscription_id
    payment_method_type is_link card_brand card_funding card_country statement_descriptor dispute_reason
    connected_account_id connected_account_name connected_account_country connected_account_direct_charge_id
    payment_metadata[key] refund_metadata[key] transfer_metadata[key] trace_id trace_id_status`,
  3: `balance_transaction_id created_utc created available_on_utc available_on currency gross fee net
    reporting_category source_id description customer_facing_amount customer_facing_currency regulatory_tag
    automatic_payout_id automatic_payout_effective_at_utc automatic_payout_effective_at
    customer_id customer_email customer_name customer_description
    ${address('customer_shipping_address')} ${address('customer_address')}
    ${address('shipping_address')} ${address('card_address')}
    charge_id payment_intent_id charge_created_utc charge_created invoice_id invoice_number subscription_id
    payment_method_type is_link card_brand card_funding card_country statement_descriptor dispute_reason
    connected_account_id connected_account_name connected_account_country connected_account_direct_charge_id
    payment_metadata[key] refund_metadata[key] transfer_metadata[key] trace_id trace_id_status`,
}

/** The columns of the itemized payouts, by version. */
export const payouts = {
  1: `payout_id effective_at_utc currency gross fee net reporting_category balance_transaction_id description
    payout_expected_arrival_date payout_status payout_reversed_at payout_type payout_description
    payout_destination_id trace_id trace_id_status`,
  2: `payout_id effective_at_utc currency gross fee net reporting_category balance_transaction_id description
    payout_expected_arrival_date payout_status payout_reversed_at payout_type payout_description
    payout_destination_id regulatory_tag trace_id trace_id_status`,
  3: `payout_id effective_at_utc effective_at currency gross fee net reporting_category balance_transaction_id
    description payout_expected_arrival_date payout_status payout_reversed_at_utc payout_reversed_at
    payout_type payout_description payout_destination_id regulatory_tag trace_id trace_id_status`,
}

/** The columns of the five kinds of payout reconciliation; a single payout has the first three and the last. */
export const swept = {
  1: `automatic_payout_id automatic_payout_effective_at
    balance_transaction_id created_utc available_on_utc currency gross fee net reporting_category source_id description
    customer_facing_amount customer_facing_currency customer_id customer_email customer_description charge_id
    charge_created_utc invoice_id subscription_id is_link card_brand card_funding card_country destination_payment_id
    trace_id trace_id_status`,
  2: `automatic_payout_id automatic_payout_effective_at
    balance_transaction_id created_utc available_on_utc currency gross fee net reporting_category source_id description
    customer_facing_amount customer_facing_currency customer_id customer_email customer_description charge_id
    charge_created_utc invoice_id subscription_id is_link card_brand card_funding card_country destination_payment_id
    payment_metadata[key] refund_metadata[key] transfer_metadata[key] trace_id trace_id_status`,
  3: `automatic_payout_id automatic_payout_effective_at
    balance_transaction_id created_utc available_on_utc currency gross fee net reporting_category source_id description
    customer_facing_amount customer_facing_currency regulatory_tag
    customer_id customer_email customer_name customer_description
    ${address('customer_shipping_address')} ${address('customer_address')}
    ${address('shipping_address')} ${address('card_address')}
    charge_id payment_intent_id charge_created_utc invoice_id invoice_number subscription_id order_id
    payment_method_type is_link card_brand card_funding card_country statement_descriptor dispute_reason
    connected_account_id connected_account_name connected_account_country connected_account_direct_charge_id
    destination_payment_id payment_metadata[key] refund_metadata[key] transfer_metadata[key] trace_id trace_id_status`,
  4: `automatic_payout_id automatic_payout_effective_at_utc automatic_payout_effective_at
    balance_transaction_id created_utc created available_on_utc available_on currency gross fee net reporting_category
    source_id description customer_facing_amount customer_facing_currency
    customer_id customer_email customer_name customer_description ${address('shipping_address')}
    charge_id payment_intent_id charge_created_utc charge_created invoice_id subscription_id
    payment_method_type is_link card_brand card_funding card_country statement_descriptor
    connected_account_id connected_account_name connected_account_country
    destination_payment_id payment_metadata[key] refund_metadata[key] transfer_metadata[key] trace_id trace_id_status`,
  5: `automatic_payout_id automatic_payout_effective_at_utc automatic_payout_effective_at
    balance_transaction_id created_utc created available_on_utc available_on currency gross fee net reporting_category
    source_id description customer_facing_amount customer_facing_currency regulatory_tag
    customer_id customer_email customer_name customer_description
    ${address('customer_shipping_address')} ${address('customer_address')}
    ${address('shipping_address')} ${address('card_address')}
    charge_id payment_intent_id charge_created_utc charge_created invoice_id invoice_number subscription_id order_id
    payment_method_type is_link card_brand card_funding card_country statement_descriptor dispute_reason
    connected_account_id connected_account_name connected_account_country connected_account_direct_charge_id
    destination_payment_id payment_metadata[key] refund_metadata[key] transfer_metadata[key] trace_id trace_id_status`,
}

/** The columns of the itemized ending balance reconciliation, by version. */
export const held = {
  1: `automatic_payout_id automatic_payout_effective_at
    balance_transaction_id created_utc available_on_utc currency gross fee net reporting_category source_id
    description customer_facing_amount customer_facing_currency customer_id customer_email customer_description
    ${address('shipping_address')} charge_id charge_created_utc invoice_id subscription_id
    is_link card_brand card_funding card_country trace_id trace_id_status`,
  2: `automatic_payout_id automatic_payout_effective_at
    balance_transaction_id created_utc available_on_utc currency gross fee net reporting_category source_id
    description customer_facing_amount customer_facing_currency regulatory_tag
    customer_id customer_email customer_name customer_description
    ${address('customer_shipping_address')} ${address('customer_address')}
    ${address('shipping_address')} ${address('card_address')}
    charge_id payment_intent_id charge_created_utc invoice_id invoice_number subscription_id
    payment_method_type is_link card_brand card_funding card_country statement_descriptor dispute_reason
    connected_account_id connected_account_name connected_account_country connected_account_direct_charge_id
    payment_metadata[key] refund_metadata[key] transfer_metadata[key] trace_id trace_id_status`,
  3: `automatic_payout_id automatic_payout_effective_at_utc automatic_payout_effective_at
    balance_transaction_id created_utc created available_on_utc available_on currency gross fee net
    reporting_category source_id description customer_facing_amount customer_facing_currency
    customer_id customer_email customer_name customer_description ${address('shipping_address')}
    charge_id payment_intent_id charge_created_utc charge_created invoice_id subscription_id
    payment_method_type is_link card_brand card_funding card_country statement_descriptor
    connected_account_id connected_account_name connected_account_country trace_id trace_id_status`,
  4: `automatic_payout_id automatic_payout_effective_at_utc automatic_payout_effective_at
    balance_transaction_id created_utc created available_on_utc available_on currency gross fee net
    reporting_category source_id description customer_facing_amount customer_facing_currency regulatory_tag
    customer_id customer_email customer_name customer_description
    ${address('customer_shipping_address')} ${address('customer_address')}
    ${address('shipping_address')} ${address('card_address')}
    charge_id payment_intent_id charge_created_utc charge_created invoice_id invoice_number subscription_id
    payment_method_type is_link card_brand card_funding card_country statement_descriptor dispute_reason
    connected_account_id connected_account_name connected_account_country connected_account_direct_charge_id
    payment_metadata[key] refund_metadata[key] transfer_metadata[key] trace_id trace_id_status`,
}

export const fees = `balance_transaction_created balance_transaction_id fee_transaction_created fee_transaction_id incurred_at
  incurred_by incurred_by_type fee_description amount tax currency product feature_name pricing_tier settled_at
  settled_via suite fee_category`
