import { Temporal } from 'temporal-polyfill'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoAccountId } from '../../../src/demo/demo.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import { currencies, readBalance, readSummary, sumUp } from '../../support/report-sums.ts'
import { runReport } from '../../support/run-report.ts'

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway({ withLedger: true })
  account = await gateway.createAccount({ accountId: demoAccountId })
})
afterAll(() => gateway[Symbol.asyncDispose]())

/** The instant of midnight of a day in a timezone. */
function midnight(day: string, timezone: string): string {
  return Temporal.PlainDate.from(day).toZonedDateTime(timezone).toInstant().toString()
}

/** Balances from the ledger just before an instant. */
async function balancesBefore(moment: string): Promise<Record<string, bigint>> {
  const rows = await gateway.database.query<{ currency: string; sum: string }>(
    `select currency, sum(net) as sum from balance_transactions
     where account_id = $1 and not livemode and effective_at < $2::timestamptz group by currency`,
    [demoAccountId, moment],
  )
  return Object.fromEntries(rows.map(({ currency, sum }) => [currency, BigInt(sum)]))
}

function localTime(utc = '', timezone: string): string {
  return Temporal.PlainDateTime.from(utc)
    .toZonedDateTime('UTC')
    .withTimeZone(timezone)
    .toPlainDateTime()
    .toString({ smallestUnit: 'second' })
    .replace('T', ' ')
}

const autumn2025 = ['2025-10-01', '2025-11-01', '2025-12-01']
const spring = ['2026-03-01', '2026-04-01', '2026-05-01']
const autumn = ['2026-09-01', '2026-10-01', '2026-10-15']
/** Bounds of contiguous intervals in each timezone; changes of daylight saving time are inside the intervals. */
const chains: [timezone: string, days: string[]][] = [
  ['Etc/UTC', autumn],
  ['Europe/Berlin', autumn2025],
  ['Europe/Berlin', spring],
  ['America/New_York', autumn2025],
  ['America/New_York', spring],
  ['Asia/Kolkata', autumn],
  ['Pacific/Chatham', spring],
  ['Pacific/Chatham', autumn],
]
const intervals = chains.flatMap(([timezone, days]) =>
  days.slice(1).map((last, i) => ({ timezone, first: days[i] ?? '', last })),
)

/** The five reports of one interval. */
async function runAll({ timezone, first, last }: (typeof intervals)[number]) {
  const parameters = {
    interval: { between: { start: midnight(first, timezone), end: midnight(last, timezone) } },
    timezone,
  }
  const amounts = ['currency', 'reporting_category', 'gross', 'fee', 'net']
  const [balance, activity, activityRows, payouts, payoutRows] = await Promise.all([
    runReport(account, { balanceSummary1: parameters }),
    runReport(account, { balanceChangeFromActivitySummary1: parameters }),
    runReport(account, {
      balanceChangeFromActivityItemized3: { ...parameters, columns: [...amounts, 'created_utc', 'created'] },
    }),
    runReport(account, { payoutsSummary1: parameters }),
    runReport(account, {
      payoutsItemized3: { ...parameters, columns: [...amounts, 'effective_at_utc', 'effective_at'] },
    }),
  ])
  return { balance, activity, activityRows, payouts, payoutRows }
}

describe.each(intervals)('$first to $last in $timezone', (interval) => {
  const { timezone, first, last } = interval
  let reports: Awaited<ReturnType<typeof runAll>>
  let balance: ReturnType<typeof readBalance>
  beforeAll(async () => {
    reports = await runAll(interval)
    balance = readBalance(reports.balance.rows)
  })

  test('starting balance, activity and payouts add up to the ending balance of every currency', () => {
    expect(Object.keys(balance)).toEqual(currencies)
    for (const lines of Object.values(balance)) {
      const {
        starting_balance = 0n,
        activity_gross = 0n,
        activity_fee = 0n,
        activity = 0n,
        payouts_gross = 0n,
        payouts_fee = 0n,
        payouts = 0n,
        ending_balance,
      } = lines
      expect(activity).toBe(activity_gross + activity_fee)
      expect(payouts).toBe(payouts_gross + payouts_fee)
      expect(ending_balance).toBe(starting_balance + activity + payouts)
    }
  })

  test('both balances are those of the ledger at midnight in the timezone', async () => {
    const pick = (name: string) =>
      Object.fromEntries(Object.entries(balance).map(([currency, lines]) => [currency, lines[name]]))
    expect(pick('starting_balance')).toEqual(await balancesBefore(midnight(first, timezone)))
    expect(pick('ending_balance')).toEqual(await balancesBefore(midnight(last, timezone)))
  })

  test('the dates of the balances are the first and last day of the interval', () => {
    const lastDay = Temporal.PlainDate.from(last).subtract({ days: 1 }).toString()
    const dated = reports.balance.rows.filter(({ category }) => category?.endsWith('balance'))
    expect([...new Set(dated.map(({ description }) => description))]).toEqual([
      `Starting balance (${first})`,
      `Ending balance (${lastDay})`,
    ])
  })

  test('the summaries are the sums of the itemized rows, and the balance has their totals', () => {
    const activity = readSummary(reports.activity.rows)
    const payouts = readSummary(reports.payouts.rows)
    expect(activity).toEqual(sumUp(reports.activityRows.rows))
    expect(payouts).toEqual(sumUp(reports.payoutRows.rows))
    expect(activity.size).toBeGreaterThan(3 * 5)
    for (const currency of currencies) {
      const [changed, paid] = [activity.get(`${currency} total`), payouts.get(`${currency} total`)]
      expect(balance[currency]).toMatchObject({
        activity_gross: changed?.gross,
        activity_fee: -(changed?.fee ?? 0n),
        activity: changed?.net,
        payouts_gross: -(paid?.gross ?? 0n),
        payouts_fee: -(paid?.fee ?? 0n),
        payouts: -(paid?.net ?? 0n),
      })
    }
  })

  test('times are local times of the timezone', () => {
    const wrong = [
      ...reports.activityRows.rows.map((row) => [row.created_utc, row.created]),
      ...reports.payoutRows.rows.map((row) => [row.effective_at_utc, row.effective_at]),
    ].filter(([utc, local]) => local !== localTime(utc, timezone))
    expect(wrong).toEqual([])
  })

  test('activity is between the two midnights, oldest first', () => {
    const times = reports.activityRows.rows.map(({ created_utc = '' }) => created_utc)
    expect(times).toEqual([...times].sort())
    const between = reports.activityRows.rows.every(
      ({ created = '' }) => created >= `${first} 00:00:00` && created < `${last} 00:00:00`,
    )
    expect(between).toBe(true)
  })
})

test.each(chains)('in %s, what one month ends with the next one starts with: %j', async (timezone, days) => {
  const balanceOf = async (from = '', until = '') => {
    const between = { start: midnight(from, timezone), end: midnight(until, timezone) }
    const { rows } = await runReport(account, { balanceSummary1: { interval: { between }, timezone } })
    return readBalance(rows)
  }
  const [first, middle, last] = days
  const [before, after] = await Promise.all([balanceOf(first, middle), balanceOf(middle, last)])
  for (const currency of currencies) {
    expect(after[currency]?.starting_balance).toBeTypeOf('bigint')
    expect(after[currency]?.starting_balance).toBe(before[currency]?.ending_balance)
  }
})

describe('a filter keeps only matching rows', () => {
  const between = { start: '2026-08-01T00:00:00Z', end: '2026-09-01T00:00:00Z' }

  test.each(['balanceSummary1', 'balanceChangeFromActivitySummary1', 'payoutsSummary1', 'payoutsItemized3'])(
    'currency, in %s',
    async (key) => {
      const all = await runReport(account, { [key]: { interval: { between } } })
      const some = await runReport(account, { [key]: { interval: { between }, currency: 'EUR' } })
      expect(some.rows).toEqual(all.rows.filter(({ currency }) => currency === 'eur'))
      expect(some.rows.length).toBeGreaterThan(0)
      expect(some.parameters.currency).toBe('eur')
    },
  )

  test.each([
    ['balanceChangeFromActivityItemized3', 'REFUND'],
    ['payoutsItemized3', 'PAYOUT'],
  ])('reporting category, in %s', async (key, reportingCategory) => {
    const all = await runReport(account, { [key]: { interval: { between } } })
    const some = await runReport(account, { [key]: { interval: { between }, reportingCategory } })
    expect(some.rows).toEqual(
      all.rows.filter(({ reporting_category }) => reporting_category === reportingCategory.toLowerCase()),
    )
    expect(some.rows.length).toBeGreaterThan(0)
    expect(some.parameters.reporting_category).toBe(reportingCategory.toLowerCase())
  })

  test('a category of another report leaves only the header', async () => {
    const { text, header } = await runReport(account, {
      balanceChangeFromActivityItemized3: { interval: { between }, reportingCategory: 'PAYOUT' },
    })
    expect(text).toBe(`${header.map((name) => `"${name}"`).join(',')}\n`)
  })
})
