import type { Tenant } from '../../tenant.ts'
import type { ReportSource } from '../report-type.ts'
import { type Sql, sql } from '../sql.ts'
import { ledgerOrder, ledgerRows } from './ledger-columns.ts'
import { type LedgerFilter, ledgerCondition } from './ledger-filter.ts'

/** One row for each balance transaction that the filter keeps, in the order in which they changed the balance. */
export function itemizedSource(
  scope: Tenant,
  filter: LedgerFilter,
  orderBy: Sql = ledgerOrder,
): ReportSource {
  return {
    from: sql`${ledgerRows} where ${ledgerCondition(scope, filter)}`,
    orderBy,
  }
}
