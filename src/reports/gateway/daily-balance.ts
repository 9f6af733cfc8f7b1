import { defineReportType } from '../report-type.ts'
import { sql } from '../sql.ts'
import { spanOf, sumsIn } from '../stripe/balance-sums.ts'
import { amount, defineColumns, text } from '../stripe/ledger-columns.ts'
import { changesBetween, isPayout, ledgerAvailability, ledgerCondition } from '../stripe/ledger-rows.ts'
import { clockTime } from '../timezone.ts'
import { gatewayParameters } from './parameters.ts'

const currency = sql`daily.currency`

const dailyColumns = defineColumns({
  date: ["Day, in the report's timezone.", { kind: 'date', sql: sql`daily.date` }],
  currency: ['Settlement currency, as a lowercase ISO 4217 code.', text`${currency}`],
  starting_balance: [
    'Balance at the start of the day, or of the interval if it starts on this day, in major units.',
    amount(sql`daily.ending - daily.activity - daily.payouts`, currency),
  ],
  activity: [
    'Change of the balance by everything but payouts, after fees, in major units.',
    amount(sql`daily.activity`, currency),
  ],
  payouts: [
    'Change of the balance by payouts and their reversals, after fees, in major units; negative when money left the balance.',
    amount(sql`daily.payouts`, currency),
  ],
  ending_balance: [
    'Balance at the end of the day, or of the interval if it ends on this day, in major units.',
    amount(sql`daily.ending`, currency),
  ],
  available: [
    'Part of the ending balance that was available by then, in major units.',
    amount(sql`daily.available`, currency),
  ],
  pending: [
    'Part of the ending balance that was not available yet, in major units.',
    amount(sql`daily.ending - daily.available`, currency),
  ],
})

export const dailyBalance = defineReportType({
  name: 'gateway.daily_balance.1',
  title: 'Daily balance',
  description:
    'The balance at the end of each day, available and pending, and what changed it, one row per day and currency. A transaction without a known availability date is available when it changes the balance.',
  parameters: gatewayParameters,
  columns: dailyColumns,
  requiresLiveMode: false,
  availability: ledgerAvailability,
  source: (scope, parameters) => {
    const { interval_start, interval_end, timezone } = parameters
    const start = sql`${interval_start}::timestamptz`
    const end = sql`${interval_end}::timestamptz`
    const firstDay = sql`${clockTime(start, timezone)}::date`
    // The end is exclusive, so the last day of the interval is the day of the instant before it.
    const lastDay = sql`${clockTime(sql`${end} - interval '1 microsecond'`, timezone)}::date`
    const before = sumsIn(scope, { from: null, until: interval_start }, parameters)
    const within = sumsIn(scope, spanOf(parameters), parameters)
    const changed = ledgerCondition(scope, changesBetween(parameters), parameters)
    const availableBefore = sql`bt.available_on < ${end} and bt.count > 0`
    // What happened before the interval counts on the day before it. What is delayed is available at its time of delayed_sums.
    return {
      from: sql`(
  with change as (
    select bt.currency, ${clockTime(sql`bt.effective_at`, timezone)}::date as date, bt.net as ending,
      case when bt.available_on > bt.effective_at then 0 else bt.net end as available,
      case when ${isPayout} then 0 else bt.net end as activity, case when ${isPayout} then bt.net else 0 end as payouts
    from balance_transactions bt where ${changed}
    union all
    select currency, ${firstDay} - 1, net, net - delayed_net, 0, 0 from (${before}) as earlier
    union all
    select bt.currency, case when bt.available_on < ${start} then ${firstDay} - 1
      else ${clockTime(sql`bt.available_on`, timezone)}::date end, 0, bt.net, 0, 0
    from delayed_sums bt where ${ledgerCondition(scope, availableBefore, parameters)}
    union all
    select currency, day::date, 0, 0, 0, 0
    from (
      select currency from (select * from (${before}) as earlier union all select * from (${within}) as changes) as bt
      group by currency having sum(count) > 0
    ) as held
    cross join generate_series(${firstDay}, ${lastDay}, interval '1 day') as day
  )
  select currency, date, sum(activity) as activity, sum(payouts) as payouts,
    sum(sum(ending)) over so_far as ending, sum(sum(available)) over so_far as available
  from change
  group by currency, date
  window so_far as (partition by currency order by date)
) as daily
where daily.date >= ${firstDay}`,
      orderBy: sql`daily.currency collate "C", daily.date`,
    }
  },
})
