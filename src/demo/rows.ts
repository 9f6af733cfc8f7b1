import type { LedgerBalanceTransaction, LedgerBatch, LedgerCharge, LedgerPayout } from '../ledger/rows.ts'

type Known<Row, Key extends keyof Row> = Row & { [Name in Key]-?: NonNullable<Row[Name]> }

// The demo always sets these fields. Imported exports can omit them.
export type DemoBalanceTransaction = Known<LedgerBalanceTransaction, 'type' | 'availableOn'>
export type DemoCharge = Known<LedgerCharge, 'created'>
export type DemoPayout = Known<
  LedgerPayout,
  'amount' | 'created' | 'arrivalDate' | 'effectiveAt' | 'isAutomatic' | 'status' | 'type'
>

export type DemoBatch = Omit<LedgerBatch, 'charges' | 'payouts' | 'balanceTransactions'> & {
  charges: DemoCharge[]
  payouts: DemoPayout[]
  balanceTransactions: DemoBalanceTransaction[]
}
