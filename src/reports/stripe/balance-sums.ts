import { Temporal } from 'temporal-polyfill'
import type { Tenant } from '../../tenant.ts'
import type { interval } from '../parameters.ts'
import type { Accepted, AcceptedParameters } from '../report-type.ts'
import { joinSql, type Sql, sql } from '../sql.ts'
import { cancelsOut, ledgerCondition } from './ledger-rows.ts'

// The table balance_sums has the sums of each day and month in UTC, so what a sum costs does not depend on how many rows the
// ledger has: 13 months of 10,000 rows a day are about 100 sums, and at each end of a span at most the rows of one day.

type Moment = Temporal.ZonedDateTime

/** A span of the ledger as RFC 3339 text. `from` is null for everything before `until`, which is exclusive. */
export type LedgerSpan = { from: string | null; until: string }

/** A part of a span: whole months or days, which have sums, or single rows. */
type Part = { source: 'MONTH' | 'DAY' | 'ROWS'; from: Moment | null; until: Moment }

const units = { MONTH: { months: 1 }, DAY: { days: 1 } } as const

/**
 * The sums of the balance transactions that changed the balance in a span, as a query with the columns currency,
 * reporting_category, is_swept, count, amount, fee, net and delayed_net. It has several rows with the same currency and
 * category, and can have rows with the count 0: add them up, and leave out groups whose count is 0.
 *
 * @param parameters `currency` and `reporting_category` filter the sums if present
 */
export function sumsIn(scope: Tenant, { from, until }: LedgerSpan, parameters: AcceptedParameters): Sql {
  const parts = split({ from: from === null ? null : momentOf(from), until: momentOf(until) }, [
    'MONTH',
    'DAY',
  ])
  return joinSql(
    parts.map((part) => partSums(scope, part, parameters)),
    '\nunion all\n',
  )
}

/** The span of an interval. */
export function spanOf({ interval_start, interval_end }: Accepted<typeof interval>): LedgerSpan {
  return { from: interval_start, until: interval_end }
}

/** Splits a span into as few parts as possible. */
function split(span: Omit<Part, 'source'>, [unit, ...shorter]: readonly (keyof typeof units)[]): Part[] {
  const { from, until } = span
  if (from && !isBefore(from, until)) return []
  if (unit === undefined) return [{ source: 'ROWS', ...span }]
  const wholeUntil = startOf(until, unit)
  const wholeFrom = from && endOf(from, unit)
  if (wholeFrom && !isBefore(wholeFrom, wholeUntil)) return split(span, shorter)
  return [
    ...(wholeFrom ? split({ from, until: wholeFrom }, shorter) : []),
    { source: unit, from: wholeFrom, until: wholeUntil },
    ...split({ from: wholeUntil, until }, shorter),
  ]
}

function partSums(scope: Tenant, { source, from, until }: Part, parameters: AcceptedParameters): Sql {
  if (source !== 'ROWS') {
    const [first, end] = [from, until].map((moment) => moment?.toPlainDate().toString())
    const after = first === undefined ? sql`true` : sql`bt.starts_on >= ${first}`
    const condition = sql`bt.period = ${source} and ${after} and bt.starts_on < ${end}`
    return sql`select bt.currency, bt.reporting_category, bt.is_swept, bt.count, bt.amount, bt.fee, bt.net, bt.delayed_net
from balance_sums bt where ${ledgerCondition(scope, condition, parameters)}`
  }
  const [first, end] = [from, until].map((moment) => moment?.toInstant().toString())
  const condition = sql`bt.effective_at >= ${first}::timestamptz and bt.effective_at < ${end}::timestamptz`
  return sql`select bt.currency, bt.reporting_category, (bt.automatic_payout_id is not null or ${cancelsOut}) as is_swept,
  1 as count, bt.amount, bt.fee, bt.net, case when bt.available_on > bt.effective_at then bt.net else 0 end as delayed_net
from balance_transactions bt where ${ledgerCondition(scope, condition, parameters)}`
}

function momentOf(instant: string): Moment {
  return Temporal.Instant.from(instant).toZonedDateTimeISO('UTC')
}

function isBefore(a: Moment, b: Moment): boolean {
  return Temporal.ZonedDateTime.compare(a, b) < 0
}

/** The start of the day or month that contains a moment. */
function startOf(moment: Moment, unit: keyof typeof units): Moment {
  return (unit === 'DAY' ? moment : moment.with({ day: 1 })).startOfDay()
}

/** The moment itself if a day or month starts then, or else the start of the next one. */
function endOf(moment: Moment, unit: keyof typeof units): Moment {
  const start = startOf(moment, unit)
  return start.equals(moment) ? start : start.add(units[unit])
}
