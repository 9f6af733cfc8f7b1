/**
 * A postal address as the ledger's JSON columns keep it. A part that is null is known to be empty, an absent one is not
 * known.
 */
export type LedgerAddress = {
  line1?: string | null
  line2?: string | null
  city?: string | null
  state?: string | null
  postal_code?: string | null
  country?: string | null
}

export type Metadata = Readonly<Record<string, string>>

/** What a column of the ledger takes; an object goes into a JSON column, an absent value is null. */
export type LedgerValue = string | number | boolean | Date | Metadata | LedgerAddress | null | undefined

/**
 * One change of the balance. Amounts are whole numbers of the currency's minor unit; net is amount less fee. What is
 * absent or null is not known.
 */
export type LedgerBalanceTransaction = {
  id: string
  type?: string | null
  reportingCategory: string
  currency: string
  amount: number
  fee: number
  net: number
  created: Date
  availableOn?: Date | null
  /** `created`, but for payouts the payout's own effective time. */
  effectiveAt: Date
  description?: string | null
  sourceId?: string | null
  chargeId?: string | null
  payoutId?: string | null
  automaticPayoutId?: string | null
  destinationPaymentId?: string | null
  customerFacingAmount?: number | null
  customerFacingCurrency?: string | null
  regulatoryTag?: string | null
  disputeReason?: string | null
  refundMetadata?: Metadata | null
  transferMetadata?: Metadata | null
  connectedAccountId?: string | null
  connectedAccountName?: string | null
  connectedAccountCountry?: string | null
  connectedAccountDirectChargeId?: string | null
}

export type LedgerPayout = {
  id: string
  /** In minor units; positive when the money goes to the bank. */
  amount?: number | null
  currency: string
  created?: Date | null
  arrivalDate?: Date | null
  effectiveAt?: Date | null
  isAutomatic?: boolean | null
  /** pending, in_transit, paid, canceled, failed, or one that is newer than this. */
  status?: string | null
  /** bank_account, card, or one that is newer than this. */
  type?: string | null
  description?: string | null
  destinationId?: string | null
  reversedAt?: Date | null
  traceId?: string | null
  /** pending, unsupported, supported, or one that is newer than this. */
  traceIdStatus?: string | null
  statementDescriptor?: string | null
}

export type LedgerCharge = {
  id: string
  created?: Date | null
  paymentIntentId?: string | null
  customerId?: string | null
  invoiceId?: string | null
  invoiceNumber?: string | null
  subscriptionId?: string | null
  orderId?: string | null
  paymentMethodType?: string | null
  isLink?: boolean | null
  cardBrand?: string | null
  cardFunding?: string | null
  cardCountry?: string | null
  statementDescriptor?: string | null
  shippingAddress?: LedgerAddress | null
  cardAddress?: LedgerAddress | null
  metadata?: Metadata | null
}

export type LedgerCustomer = {
  id: string
  email?: string | null
  name?: string | null
  description?: string | null
  address?: LedgerAddress | null
  shippingAddress?: LedgerAddress | null
}

/** One part of what was charged for a balance transaction. */
export type LedgerFeeDetail = {
  balanceTransactionId: string
  /** Its place among the parts of that transaction, from 0. */
  position: number
  /** application_fee, payment_method_passthrough_fee, stripe_fee, tax, withheld_tax, or one that is newer than this. */
  type: string
  /** In minor units; positive when charged. */
  amount: number
  currency: string
  description?: string | null
  application?: string | null
}

/** A part of a ledger. Parts may come in any order and refer to one another. */
export type LedgerBatch = {
  customers: LedgerCustomer[]
  charges: LedgerCharge[]
  payouts: LedgerPayout[]
  balanceTransactions: LedgerBalanceTransaction[]
  feeDetails: LedgerFeeDetail[]
}

/** A part with nothing in it, to be filled; it may also become one of rows that are known better. */
export function emptyBatch(): Record<keyof LedgerBatch, never[]> {
  return {
    customers: [],
    charges: [],
    payouts: [],
    balanceTransactions: [],
    feeDetails: [],
  }
}

type Columns<Row> = Record<keyof Row, string>

/** The ledger's tables, and the column of each field of a row. Each table also has account_id and livemode. */
export const ledgerTables = {
  customers: {
    id: 'id',
    email: 'email',
    name: 'name',
    description: 'description',
    address: 'address',
    shippingAddress: 'shipping_address',
  } satisfies Columns<LedgerCustomer>,
  charges: {
    id: 'id',
    created: 'created',
    paymentIntentId: 'payment_intent_id',
    customerId: 'customer_id',
    invoiceId: 'invoice_id',
    invoiceNumber: 'invoice_number',
    subscriptionId: 'subscription_id',
    orderId: 'order_id',
    paymentMethodType: 'payment_method_type',
    isLink: 'is_link',
    cardBrand: 'card_brand',
    cardFunding: 'card_funding',
    cardCountry: 'card_country',
    statementDescriptor: 'statement_descriptor',
    shippingAddress: 'shipping_address',
    cardAddress: 'card_address',
    metadata: 'metadata',
  } satisfies Columns<LedgerCharge>,
  payouts: {
    id: 'id',
    amount: 'amount',
    currency: 'currency',
    created: 'created',
    arrivalDate: 'arrival_date',
    effectiveAt: 'effective_at',
    isAutomatic: 'is_automatic',
    status: 'status',
    type: 'type',
    description: 'description',
    destinationId: 'destination_id',
    reversedAt: 'reversed_at',
    traceId: 'trace_id',
    traceIdStatus: 'trace_id_status',
    statementDescriptor: 'statement_descriptor',
  } satisfies Columns<LedgerPayout>,
  balance_transactions: {
    id: 'id',
    type: 'type',
    reportingCategory: 'reporting_category',
    currency: 'currency',
    amount: 'amount',
    fee: 'fee',
    net: 'net',
    created: 'created',
    availableOn: 'available_on',
    effectiveAt: 'effective_at',
    description: 'description',
    sourceId: 'source_id',
    chargeId: 'charge_id',
    payoutId: 'payout_id',
    automaticPayoutId: 'automatic_payout_id',
    destinationPaymentId: 'destination_payment_id',
    customerFacingAmount: 'customer_facing_amount',
    customerFacingCurrency: 'customer_facing_currency',
    regulatoryTag: 'regulatory_tag',
    disputeReason: 'dispute_reason',
    refundMetadata: 'refund_metadata',
    transferMetadata: 'transfer_metadata',
    connectedAccountId: 'connected_account_id',
    connectedAccountName: 'connected_account_name',
    connectedAccountCountry: 'connected_account_country',
    connectedAccountDirectChargeId: 'connected_account_direct_charge_id',
  } satisfies Columns<LedgerBalanceTransaction>,
  fee_details: {
    balanceTransactionId: 'balance_transaction_id',
    position: 'position',
    type: 'type',
    amount: 'amount',
    currency: 'currency',
    description: 'description',
    application: 'application',
  } satisfies Columns<LedgerFeeDetail>,
}
