import { columns, currency, interval, itemizedInTimezone, itemizedInUtc, timezone } from '../parameters.ts'
import { sql } from '../sql.ts'
import { spanOf, sumsIn } from './balance-sums.ts'
import { defineFamily } from './family.ts'
import { itemized1, itemized2, itemized3, itemizedColumns } from './itemized-columns.ts'
import { changesBetween, isPayout } from './ledger-rows.ts'

export const activityReports = defineFamily<typeof interval>({
  name: 'balance_change_from_activity',
  rows: (_scope, parameters) => sql`${changesBetween(parameters)} and not ${isPayout}`,
  sums: (scope, parameters) =>
    sql`select * from (${sumsIn(scope, spanOf(parameters), parameters)}) as bt where not ${isPayout}`,
  summary: {
    title: 'Balance change from activity summary',
    description:
      'Balance transactions other than payouts, summed by reporting category and currency, with a total for each currency.',
    parameters: { ...interval, ...currency, ...timezone, ...columns },
  },
  itemized: {
    title: 'Itemized balance change from activity',
    description: 'All balance transactions other than payouts, one per row, oldest first.',
    versions: [
      { parameters: itemizedInUtc, columns: itemizedColumns(itemized1) },
      { parameters: itemizedInUtc, columns: itemizedColumns(itemized2) },
      { parameters: itemizedInTimezone, columns: itemizedColumns(itemized3) },
    ],
  },
})
