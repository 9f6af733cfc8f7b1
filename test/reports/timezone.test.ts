import { Temporal } from 'temporal-polyfill'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { calendarIntervals, resolveRelativeInterval } from '../../src/reports/interval.ts'
import { literalText, sql } from '../../src/reports/sql.ts'
import { clockTime, readTimezone } from '../../src/reports/timezone.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startTestGateway } from '../support/gateway.ts'
import { marchEnd, marchStart, writeMarchLedger } from '../support/march-ledger.ts'
import { requestReport, runReport } from '../support/run-report.ts'

describe('every timezone that is accepted', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database[Symbol.asyncDispose]())

  /** One noon a fortnight for three years: past, so that no version of the timezone database differs. */
  const noons = Array.from({ length: 78 }, (_, i) =>
    new Date(Date.UTC(2022, 0, 1 + i * 14, 12)).toISOString(),
  )

  /** Names from all that Postgres and JavaScript know, abbreviations and obsolete names included. */
  const candidates = async (): Promise<string[]> => {
    const known = await database.query<{ name: string }>(
      'select name from pg_timezone_names union select abbrev from pg_timezone_abbrevs',
    )
    const obsolete = 'ACT AET AGT BET CNT CTT ECT IET IST MIT NET PNT SST VST SystemV/AST4 US/Pacific-New'
    return [
      ...new Set([
        ...known.map(({ name }) => name),
        ...Intl.supportedValuesOf('timeZone'),
        ...`${obsolete} Canada/East-Saskatchewan Etc/Unknown Factory UTC utc eSt5eDt`.split(' '),
      ]),
    ]
  }

  const inPostgres = async (timezone: string): Promise<string[]> => {
    const text = clockTime(sql`noon::timestamptz`, timezone)
    const rows = await database.query<{ shown: string }>(
      `select to_char(${literalText(text)}, 'YYYY-MM-DD"T"HH24:MI:SS') as shown
       from unnest($1::text[]) with ordinality as given (noon, position) order by position`,
      [noons],
    )
    return rows.map(({ shown }) => shown)
  }

  test('is known to Postgres, and means the same there', async () => {
    const accepted = (await candidates()).flatMap((name) => readTimezone(name) ?? [])
    expect(accepted.length).toBeGreaterThan(590)
    const wrong: string[] = []
    for (const timezone of accepted) {
      const expected = noons.map((noon) =>
        Temporal.Instant.from(noon)
          .toZonedDateTimeISO(timezone)
          .toPlainDateTime()
          .toString({ smallestUnit: 'second' }),
      )
      const shown = await inPostgres(timezone).catch((error: Error) => [error.message])
      if (JSON.stringify(shown) !== JSON.stringify(expected)) wrong.push(timezone)
    }
    expect(wrong).toEqual([])
  })

  test('is each of those that JavaScript lists, and their old names', () => {
    const names = [
      ...Intl.supportedValuesOf('timeZone'),
      'UTC',
      'GMT',
      'US/Pacific',
      'EST5EDT',
      'Etc/GMT+5',
      'CET',
    ]
    expect(names.filter((name) => readTimezone(name) !== name)).toEqual([])
  })
})

test('a zone whose name is also an abbreviation keeps its summer time in a file', async () => {
  await using gateway = await startTestGateway()
  const account = await gateway.createAccount()
  await writeMarchLedger(gateway.database, account, [])
  const { rows } = await runReport(account, {
    balanceChangeFromActivityItemized: {
      interval: { between: { start: marchStart, end: marchEnd } },
      timezone: 'CET',
      currency: 'eur',
      columns: ['created'],
    },
  })
  expect(rows).toEqual([{ created: '2026-03-29 01:59:59' }, { created: '2026-03-29 03:00:00' }])
})

describe('relative intervals', () => {
  test.each([
    // Summer time in Berlin starts on 29 March 2026 and ends on 25 October 2026.
    ['YESTERDAY', 'Europe/Berlin', '2026-03-30T10:00:00Z', '2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z'],
    ['YESTERDAY', 'Europe/Berlin', '2026-10-26T10:00:00Z', '2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z'],
    ['LAST_7_DAYS', 'Europe/Berlin', '2026-03-31T10:00:00Z', '2026-03-23T23:00:00Z', '2026-03-30T22:00:00Z'],
    ['LAST_7_DAYS', 'Europe/Berlin', '2026-10-26T10:00:00Z', '2026-10-18T22:00:00Z', '2026-10-25T23:00:00Z'],
    [
      'PREVIOUS_MONTH',
      'Europe/Berlin',
      '2026-04-30T21:59:59Z',
      '2026-02-28T23:00:00Z',
      '2026-03-31T22:00:00Z',
    ],
    [
      'PREVIOUS_MONTH',
      'Europe/Berlin',
      '2026-04-30T22:00:00Z',
      '2026-03-31T22:00:00Z',
      '2026-04-30T22:00:00Z',
    ],
    [
      'PREVIOUS_MONTH',
      'Europe/Berlin',
      '2026-11-05T10:00:00Z',
      '2026-09-30T22:00:00Z',
      '2026-10-31T23:00:00Z',
    ],
    // New York's summer time starts on 8 March 2026 and ends on 1 November 2026.
    ['YESTERDAY', 'America/New_York', '2026-03-09T03:59:59Z', '2026-03-07T05:00:00Z', '2026-03-08T05:00:00Z'],
    ['YESTERDAY', 'America/New_York', '2026-03-09T04:00:00Z', '2026-03-08T05:00:00Z', '2026-03-09T04:00:00Z'],
    [
      'PREVIOUS_MONTH',
      'America/New_York',
      '2026-12-01T05:00:00Z',
      '2026-11-01T04:00:00Z',
      '2026-12-01T05:00:00Z',
    ],
    // In Cairo, clocks jump from midnight to one on 24 April 2026: that day starts at one.
    ['YESTERDAY', 'Africa/Cairo', '2026-04-25T12:00:00Z', '2026-04-23T22:00:00Z', '2026-04-24T21:00:00Z'],
    ['YESTERDAY', 'Africa/Cairo', '2026-04-24T12:00:00Z', '2026-04-22T22:00:00Z', '2026-04-23T22:00:00Z'],
    // Three quarters of an hour and another date than UTC; clocks go back on 5 April 2026.
    ['YESTERDAY', 'Pacific/Chatham', '2026-04-05T12:00:00Z', '2026-04-04T10:15:00Z', '2026-04-05T11:15:00Z'],
    ['YESTERDAY', 'Asia/Kolkata', '2026-01-01T18:30:00Z', '2025-12-31T18:30:00Z', '2026-01-01T18:30:00Z'],
    ['PREVIOUS_MONTH', 'Etc/UTC', '2026-01-01T00:00:00Z', '2025-12-01T00:00:00Z', '2026-01-01T00:00:00Z'],
    ['PREVIOUS_MONTH', 'Etc/UTC', '2028-03-31T12:00:00Z', '2028-02-01T00:00:00Z', '2028-03-01T00:00:00Z'],
    ['LAST_7_DAYS', 'Etc/UTC', '2028-03-01T12:00:00Z', '2028-02-23T00:00:00Z', '2028-03-01T00:00:00Z'],
  ] as const)('%s in %s at %s', (interval, timezone, now, start, end) => {
    expect(resolveRelativeInterval(interval, timezone, new Date(now))).toEqual({ start, end })
  })

  test('are over, start and end at the first moment of a day, and follow one another, in every timezone', () => {
    const isFirstMoment = (instant: string, timezone: string): boolean => {
      const here = Temporal.Instant.from(instant).toZonedDateTimeISO(timezone)
      const before = here.subtract({ nanoseconds: 1 })
      return !here.toPlainDate().equals(before.toPlainDate())
    }
    for (const timezone of Intl.supportedValuesOf('timeZone')) {
      for (const now of ['2026-03-08T12:00:00Z', '2026-03-30T00:30:00Z', '2026-11-01T06:30:00Z']) {
        for (const name of calendarIntervals) {
          const { start, end } = resolveRelativeInterval(name, timezone, new Date(now))
          const good = [start < end, end <= now, isFirstMoment(start, timezone), isFirstMoment(end, timezone)]
          expect(good, `${name} in ${timezone} at ${now}`).toEqual([true, true, true, true])
          if (name === 'YESTERDAY') {
            const dayBefore = resolveRelativeInterval(name, timezone, new Date(Date.parse(end) - 1000))
            expect(dayBefore.end, `${timezone} at ${now}`).toBe(start)
          }
        }
      }
    }
  })

  test('become the instants that are kept with the run', async () => {
    await using gateway = await startTestGateway({ now: () => new Date('2026-04-15T12:00:00Z') })
    const account = await gateway.createAccount()
    await writeMarchLedger(gateway.database, account, [])
    const { parameters, rows } = await runReport(account, {
      balanceSummary: {
        interval: { relative: 'PREVIOUS_MONTH' },
        timezone: 'Europe/Berlin',
        currency: 'usd',
      },
    })
    expect(parameters).toMatchObject({
      interval_start: '2026-02-28T23:00:00Z',
      interval_end: '2026-03-31T22:00:00Z',
      timezone: 'Europe/Berlin',
    })
    expect(rows.at(0)?.description).toBe('Starting balance (2026-03-01)')
    // The charge of the last second of February in UTC is one of 1 March in Berlin.
    expect(rows.at(0)?.net_amount).toBe('0.00')
    expect(rows.at(-1)?.description).toBe('Ending balance (2026-03-31)')
  })

  test('need data: the day before has none yet', async () => {
    await using gateway = await startTestGateway({ now: () => new Date('2026-05-02T12:00:00Z') })
    const account = await gateway.createAccount()
    await writeMarchLedger(gateway.database, account, [])
    const { userErrors } = await requestReport(account, {
      payoutsSummary: { interval: { relative: 'YESTERDAY' } },
    })
    expect(userErrors).toMatchObject([
      {
        message:
          'Data for payouts.summary.1 is there from 2026-02-01T00:00:00Z until 2026-05-01T00:00:00Z; interval_end is 2026-05-02T00:00:00Z.',
        path: ['input', 'report', 'payoutsSummary', 'interval', 'relative'],
      },
    ])
  })
})
