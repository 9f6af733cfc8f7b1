import { Prisma } from '../postgres/generated/prisma/client.ts'

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

/** A row of any of the ledger's tables. */
export type LedgerRow = Readonly<Record<string, LedgerValue>>

/** The ledger's tables, and the column of each field of a row. Each table also has account_id and livemode. */
export const ledgerTables = {
  customers: columnsOf<LedgerCustomer>(Prisma.CustomerScalarFieldEnum),
  charges: columnsOf<LedgerCharge>(Prisma.ChargeScalarFieldEnum),
  payouts: columnsOf<LedgerPayout>(Prisma.PayoutScalarFieldEnum),
  balance_transactions: columnsOf<LedgerBalanceTransaction>(Prisma.BalanceTransactionScalarFieldEnum),
  fee_details: columnsOf<LedgerFeeDetail>(Prisma.FeeDetailScalarFieldEnum),
}

export type LedgerTable = keyof typeof ledgerTables

/** Columns are named as the fields, in snake case. */
function columnsOf<Row>(fields: Readonly<Record<keyof Row & string, string>>): Record<keyof Row, string> {
  const columns = Object.keys(fields)
    .filter((field) => field !== 'accountId' && field !== 'livemode')
    .map((field) => [field, field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)])
  // Object.fromEntries does not keep the names of the fields.
  return Object.fromEntries(columns) as Record<keyof Row, string>
}
