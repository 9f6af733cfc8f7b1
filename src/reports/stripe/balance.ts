import { columns, currency, interval, timezone } from '../parameters.ts'
import { defineReportType } from '../report-type.ts'
import { sql } from '../sql.ts'
import { clockTime } from '../timezone.ts'
import { spanOf, sumsIn } from './balance-sums.ts'
import { amount, defineColumns, text } from './ledger-columns.ts'
import { isPayout, ledgerAvailability } from './ledger-rows.ts'

const balanceColumns = defineColumns({
  category: ['Line of the summary, as a stable name for programs.', text`line.category`],
  description: [
    'Line of the summary, as readable text; the two balances include a date.',
    text`line.description`,
  ],
  net_amount: [
    'Amount in major units of the currency; fees and payouts are negative.',
    amount(sql`line.net_amount`, sql`line.currency`),
  ],
  currency: ['Settlement currency, as a lowercase ISO 4217 code.', text`line.currency`],
})

export const balanceSummary = defineReportType({
  name: 'balance.summary.1',
  title: 'Balance summary',
  description:
    'Starting balance, activity, payouts and ending balance for each currency. The starting balance, activity and payouts add up to the ending balance.',
  parameters: { ...interval, ...timezone, ...currency, ...columns },
  columns: balanceColumns,
  requiresLiveMode: false,
  availability: ledgerAvailability,
  source: (scope, parameters) => {
    const { interval_start, interval_end, timezone: zone } = parameters
    const start = sql`${interval_start}::timestamptz`
    const firstDay = sql`${clockTime(start, zone)}::date`
    // The end is exclusive, so the last day of the interval is the day of the instant before it.
    const lastDay = sql`${clockTime(sql`${interval_end}::timestamptz - interval '1 microsecond'`, zone)}::date`
    const before = sumsIn(scope, { from: null, until: interval_start }, parameters)
    const within = sumsIn(scope, spanOf(parameters), parameters)
    return {
      from: sql`(
  with total as (
    select
      bt.currency,
      coalesce(sum(bt.net) filter (where not is_within), 0) as starting,
      coalesce(sum(bt.amount) filter (where is_within and not ${isPayout}), 0) as activity_gross,
      coalesce(-sum(bt.fee) filter (where is_within and not ${isPayout}), 0) as activity_fee,
      coalesce(sum(bt.amount) filter (where is_within and ${isPayout}), 0) as payouts_gross,
      coalesce(-sum(bt.fee) filter (where is_within and ${isPayout}), 0) as payouts_fee
    from (
      select false as is_within, * from (${before}) as earlier
      union all
      select true, * from (${within}) as changes
    ) as bt
    group by bt.currency
    having sum(bt.count) > 0
  )
  select total.currency, entry.*
  from total
  cross join lateral (values
    (1, 'starting_balance', 'Starting balance (' || ${firstDay} || ')', starting),
    (2, 'activity_gross', 'Account activity before fees', activity_gross),
    (3, 'activity_fee', 'Less fees', activity_fee),
    (4, 'activity', 'Activity', activity_gross + activity_fee),
    (5, 'payouts_gross', 'Payouts to bank', payouts_gross),
    (6, 'payouts_fee', 'Payout fees', payouts_fee),
    (7, 'payouts', 'Total payouts', payouts_gross + payouts_fee),
    (8, 'ending_balance', 'Ending balance (' || ${lastDay} || ')',
      starting + activity_gross + activity_fee + payouts_gross + payouts_fee)
  ) as entry (position, category, description, net_amount)
) as line`,
      orderBy: sql`line.currency collate "C", line.position`,
    }
  },
})
