import { Temporal } from 'temporal-polyfill'
import { describe, expect, test } from 'vitest'
import { relativeIntervals, resolveRelativeInterval } from '../../src/reports/interval.ts'
import { startTestGateway } from '../support/gateway.ts'
import { writeMarchLedger } from '../support/march-ledger.ts'
import { requestReport, runReport } from '../support/run-report.ts'

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
    // An offset with 45 minutes and another date than UTC; the clocks are set back on 5 April 2026.
    ['YESTERDAY', 'Pacific/Chatham', '2026-04-05T12:00:00Z', '2026-04-04T10:15:00Z', '2026-04-05T11:15:00Z'],
    ['YESTERDAY', 'Asia/Kolkata', '2026-01-01T18:30:00Z', '2025-12-31T18:30:00Z', '2026-01-01T18:30:00Z'],
    ['PREVIOUS_MONTH', 'Etc/UTC', '2026-01-01T00:00:00Z', '2025-12-01T00:00:00Z', '2026-01-01T00:00:00Z'],
    ['PREVIOUS_MONTH', 'Etc/UTC', '2028-03-31T12:00:00Z', '2028-02-01T00:00:00Z', '2028-03-01T00:00:00Z'],
    ['LAST_7_DAYS', 'Etc/UTC', '2028-03-01T12:00:00Z', '2028-02-23T00:00:00Z', '2028-03-01T00:00:00Z'],
  ] as const)('%s in %s at %s', (interval, timezone, now, start, end) => {
    expect(resolveRelativeInterval(interval, timezone, new Date(now))).toEqual({
      start: new Date(start),
      end: new Date(end),
    })
  })

  test('have ended, run from start of day to start of day, and are consecutive, in every timezone', () => {
    const isStartOfDay = (instant: Date, timezone: string): boolean => {
      const here = Temporal.Instant.fromEpochMilliseconds(instant.getTime()).toZonedDateTimeISO(timezone)
      const before = here.subtract({ nanoseconds: 1 })
      return !here.toPlainDate().equals(before.toPlainDate())
    }
    for (const timezone of Intl.supportedValuesOf('timeZone')) {
      for (const now of ['2026-03-08T12:00:00Z', '2026-03-30T00:30:00Z', '2026-11-01T06:30:00Z']) {
        for (const name of relativeIntervals) {
          const { start, end } = resolveRelativeInterval(name, timezone, new Date(now))
          const checks = [
            start < end,
            end <= new Date(now),
            isStartOfDay(start, timezone),
            isStartOfDay(end, timezone),
          ]
          expect(checks, `${name} in ${timezone} at ${now}`).toEqual([true, true, true, true])
          if (name === 'YESTERDAY') {
            const dayBefore = resolveRelativeInterval(name, timezone, new Date(end.getTime() - 1000))
            expect(dayBefore.end, `${timezone} at ${now}`).toEqual(start)
          }
        }
      }
    }
  })

  test('are stored with the run as instants', async () => {
    await using gateway = await startTestGateway({ now: () => new Date('2026-04-15T12:00:00Z') })
    const account = await gateway.createAccount()
    await writeMarchLedger(gateway.database, account, [])
    const { parameters, rows } = await runReport(account, {
      balanceSummary1: {
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
    // The charge in the last second of February in UTC is on 1 March in Berlin.
    expect(rows.at(0)?.net_amount).toBe('0.00')
    expect(rows.at(-1)?.description).toBe('Ending balance (2026-03-31)')
  })

  test('are rejected when their data is not available yet', async () => {
    await using gateway = await startTestGateway({ now: () => new Date('2026-05-02T12:00:00Z') })
    const account = await gateway.createAccount()
    await writeMarchLedger(gateway.database, account, [])
    const { userErrors } = await requestReport(account, {
      payoutsSummary1: { interval: { relative: 'YESTERDAY' } },
    })
    expect(userErrors).toMatchObject([
      {
        message:
          'The interval from 2026-05-01T00:00:00Z to 2026-05-02T00:00:00Z is outside the data for payouts.summary.1, which is available from 2026-02-01T00:00:00Z until 2026-05-01T00:00:00Z. Use an earlier interval, or create the run with waitForData: true.',
        path: ['input', 'report', 'payoutsSummary1', 'interval', 'relative'],
      },
    ])
  })
})
