import {
  type BalanceTransaction,
  type Charge,
  type Customer,
  type FeeDetail,
  type Payout,
  Prisma,
} from '../postgres/generated/prisma/client.ts'

export const addressParts = ['line1', 'line2', 'city', 'state', 'postal_code', 'country'] as const

/**
 * A postal address in the JSON columns of the ledger. A null part is known to be empty; an absent part is unknown.
 */
export type LedgerAddress = { [Part in (typeof addressParts)[number]]?: string | null }

export type Metadata = Readonly<Record<string, string>>

/** A value of a ledger column. An object goes into a JSON column; undefined is stored as null. */
export type LedgerValue = string | number | boolean | Date | Metadata | LedgerAddress | null | undefined

// Rows of the Prisma models without the tenant, as they are loaded. An absent or null field is unknown.

export type LedgerCustomer = Loaded<Customer, { address: LedgerAddress; shippingAddress: LedgerAddress }>

export type LedgerCharge = Loaded<
  Charge,
  { shippingAddress: LedgerAddress; cardAddress: LedgerAddress; metadata: Metadata }
>

export type LedgerPayout = Loaded<Payout>

export type LedgerBalanceTransaction = Loaded<
  BalanceTransaction,
  { refundMetadata: Metadata; transferMetadata: Metadata }
>

export type LedgerFeeDetail = Loaded<FeeDetail>

/** @template Objects types of the JSON columns */
type Loaded<Model, Objects = object> = Row<Omit<Model, 'accountId' | 'livemode' | keyof Objects>> & {
  [Field in keyof Objects]?: Objects[Field] | null
}

type Row<Model> = { [Field in Exclude<keyof Model, Nullable<Model>>]: Value<Model[Field]> } & {
  [Field in Nullable<Model>]?: Value<Model[Field]>
}

/** Names of the nullable fields. */
type Nullable<Model> = { [Field in keyof Model]: null extends Model[Field] ? Field : never }[keyof Model]

/** Amounts in minor units are exact as numbers. */
type Value<Stored> = Stored extends bigint ? number : Stored

/** A part of a ledger. Parts can come in any order and refer to one another. */
export type LedgerBatch = {
  customers: LedgerCustomer[]
  charges: LedgerCharge[]
  payouts: LedgerPayout[]
  balanceTransactions: LedgerBalanceTransaction[]
  feeDetails: LedgerFeeDetail[]
}

/** Returns an empty batch. Its type fits batches of any row types. */
export function emptyBatch(): Record<keyof LedgerBatch, never[]> {
  return { customers: [], charges: [], payouts: [], balanceTransactions: [], feeDetails: [] }
}

/** A row of any of the ledger's tables. */
export type LedgerRow = Readonly<Record<string, LedgerValue>>

/** The column of each field, by ledger table. Each table also has account_id and livemode. */
export const ledgerTables = {
  customers: columnsOf<LedgerCustomer>(Prisma.CustomerScalarFieldEnum),
  charges: columnsOf<LedgerCharge>(Prisma.ChargeScalarFieldEnum),
  payouts: columnsOf<LedgerPayout>(Prisma.PayoutScalarFieldEnum),
  balance_transactions: columnsOf<LedgerBalanceTransaction>(Prisma.BalanceTransactionScalarFieldEnum),
  fee_details: columnsOf<LedgerFeeDetail>(Prisma.FeeDetailScalarFieldEnum),
}

export type LedgerTable = keyof typeof ledgerTables

/** Maps field names to column names in snake case. */
function columnsOf<Row>(fields: Readonly<Record<keyof Row & string, string>>): Record<keyof Row, string> {
  const columns = Object.keys(fields)
    .filter((field) => field !== 'accountId' && field !== 'livemode')
    .map((field) => [field, field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)])
  // Object.fromEntries loses the field names in its type.
  return Object.fromEntries(columns) as Record<keyof Row, string>
}
