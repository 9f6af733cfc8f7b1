import { activityItemized3, activitySummary1 } from './activity.ts'
import { balanceSummary1 } from './balance.ts'
import { payoutsItemized3, payoutsSummary1 } from './payouts.ts'
import type { AnyReportType } from './report-type.ts'

/** The report types that come with the gateway. */
export const builtInReportTypes: readonly AnyReportType[] = [
  balanceSummary1,
  activitySummary1,
  activityItemized3,
  payoutsSummary1,
  payoutsItemized3,
]

/** The report types that this gateway runs, in the order in which they are listed. */
export type Catalog = {
  readonly types: readonly AnyReportType[]
  find(name: string): AnyReportType | null
}

/** @throws Error when two types have the same name */
export const createCatalog = (types: readonly AnyReportType[]): Catalog => {
  const byName = new Map(types.map((type) => [type.name, type]))
  if (byName.size !== types.length) throw new Error('Two report types have the same name.')
  return { types, find: (name) => byName.get(name) ?? null }
}
