import type { ReportColumn } from '../column.ts'
import { localDefaults, utcDefaults, without } from './itemized-columns.ts'
import { inDocumentedOrder, type LedgerColumnName, ledgerColumns } from './ledger-columns.ts'

const payoutColumns: readonly LedgerColumnName[] = [
  'automatic_payout_id',
  'automatic_payout_effective_at_utc',
  'automatic_payout_effective_at',
]

/** Columns of a version without timezone. */
export function utcReconciliation(names: readonly LedgerColumnName[]) {
  return payoutFirst(names, utcDefaults)
}

/** Columns of a version with a timezone. */
export function localReconciliation(names: readonly LedgerColumnName[]) {
  return payoutFirst(names, localDefaults)
}

/** The columns of a reconciliation: those of the payout come first, also among the default columns. */
function payoutFirst(
  names: readonly LedgerColumnName[],
  defaults: readonly LedgerColumnName[],
): ReportColumn[] {
  return ledgerColumns(
    [
      ...payoutColumns.filter((name) => names.includes(name)),
      ...inDocumentedOrder(without(names, payoutColumns)),
    ],
    ['automatic_payout_id', 'automatic_payout_effective_at', ...defaults],
  )
}
