import { columns, currency, interval, itemizedInTimezone, itemizedInUtc, timezone } from '../parameters.ts'
import { defineReportType } from '../report-type.ts'
import { itemizedSource } from './itemized.ts'
import { itemized1, itemized2, itemized3, localDefaults, utcDefaults } from './itemized-columns.ts'
import { ledgerAvailability } from './ledger-availability.ts'
import { inDocumentedOrder, ledgerColumns } from './ledger-columns.ts'
import { activityBetween } from './ledger-filter.ts'
import { summaryColumns, summarySource } from './summary.ts'
import { defineVersions } from './versions.ts'

export const activitySummary = defineReportType({
  name: 'balance_change_from_activity.summary.1',
  inputKey: 'balanceChangeFromActivitySummary',
  title: 'Balance change from activity summary',
  description:
    'What changed the balance, other than payouts, summed up by reporting category and currency, with a total for each currency.',
  parameters: { ...interval, ...currency, ...timezone, ...columns },
  columns: summaryColumns,
  requiresLiveMode: false,
  availability: ledgerAvailability,
  source: (scope, { interval_start, interval_end, currency: only }) =>
    summarySource(scope, { rows: activityBetween(interval_start, interval_end), currency: only }),
})

export const activityItemized = defineVersions<typeof itemizedInUtc>(
  {
    name: 'balance_change_from_activity.itemized',
    inputKey: 'balanceChangeFromActivityItemized',
    title: 'Itemized balance change from activity',
    description: 'Every balance transaction other than payouts, one a row, oldest first.',
    requiresLiveMode: false,
    availability: ledgerAvailability,
    source: (scope, { interval_start, interval_end, currency: only, reporting_category }) =>
      itemizedSource(scope, {
        rows: activityBetween(interval_start, interval_end),
        currency: only,
        reportingCategory: reporting_category,
      }),
  },
  [
    { parameters: itemizedInUtc, columns: ledgerColumns(inDocumentedOrder(itemized1), utcDefaults) },
    { parameters: itemizedInUtc, columns: ledgerColumns(inDocumentedOrder(itemized2), utcDefaults) },
    { parameters: itemizedInTimezone, columns: ledgerColumns(inDocumentedOrder(itemized3), localDefaults) },
  ],
)
