import { dailyBalance } from './gateway/daily-balance.ts'
import { feesByType } from './gateway/fees-by-type.ts'
import { journal } from './gateway/journal.ts'
import { payoutBreakdown } from './gateway/payout-breakdown.ts'
import type { AnyReportType } from './report-type.ts'
import { activityReports } from './stripe/activity.ts'
import { allFeesItemized } from './stripe/all-fees.ts'
import { balanceSummary } from './stripe/balance.ts'
import { endingBalanceReconciliationReports } from './stripe/ending-balance-reconciliation.ts'
import {
  payoutReconciliationByIdReports,
  payoutReconciliationReports,
} from './stripe/payout-reconciliation.ts'
import { payoutReports } from './stripe/payouts.ts'

/** The report types that come with the gateway. */
export const builtInReportTypes: readonly AnyReportType[] = [
  balanceSummary,
  ...activityReports,
  ...payoutReports,
  ...payoutReconciliationReports,
  ...payoutReconciliationByIdReports,
  ...endingBalanceReconciliationReports,
  allFeesItemized,
  dailyBalance,
  payoutBreakdown,
  feesByType,
  journal,
]

export type Catalog = ReturnType<typeof createCatalog>

/**
 * The report types that this gateway runs, in the order in which they are listed.
 *
 * @throws Error when two types have the same name
 */
export function createCatalog(types: readonly AnyReportType[]) {
  const byName = new Map(types.map((type) => [type.name, type]))
  const duplicate = types.find(({ name }, i) => types.findIndex((type) => type.name === name) !== i)
  if (duplicate) throw new Error(`Two report types are named ${duplicate.name}. Rename one of them.`)
  const find = (name: string): AnyReportType | null => byName.get(name) ?? null
  return {
    types,
    find,
    /** Describes a type. An old run can have a type that is no longer in the catalog; only its name is known then. */
    describe: (name: string) => find(name) ?? retired(name),
  }
}

function retired(name: string): AnyReportType {
  return {
    name,
    title: name,
    description: 'This gateway no longer has this report type.',
    parameters: {},
    columns: [],
    requiresLiveMode: false,
    availability: async () => null,
    source: () => {
      throw new Error(`The report type ${name} is not in the catalog.`)
    },
  }
}
