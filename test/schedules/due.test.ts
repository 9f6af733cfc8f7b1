import { Temporal } from 'temporal-polyfill'
import { describe, expect, test } from 'vitest'
import { type DueRun, dueRun, startingPosition } from '../../src/schedules/due.ts'
import type { Trigger } from '../../src/schedules/trigger.ts'
import { at, iso } from '../support/instants.ts'

describe('a due run', () => {
  const monthly: Trigger = { kind: 'cron', expression: '0 6 1 * *', timezone: 'Etc/UTC' }
  const daily: Trigger = { kind: 'data', period: Temporal.Duration.from('P1D'), timezone: 'Etc/UTC' }
  const data = (until: string) => ({ from: at('2026-01-05T08:00:00Z'), until: at(until) })
  const shown = (due: DueRun | null) =>
    due && [due.at, due.period.start, due.period.end, due.next.nextRunAt, due.next.coveredUntil].map(iso)

  test('does not exist before the occurrence, and is a single run after it', () => {
    const place = startingPosition(monthly, at('2026-11-27T12:00:00Z'), null)
    expect(place).toEqual({ nextRunAt: at('2026-12-01T06:00:00Z'), coveredUntil: at('2026-11-01T06:00:00Z') })
    expect(dueRun(monthly, place, at('2026-12-01T05:59:59.999Z'), null)).toBeNull()
    const expected = ['2026-12-01', '2026-11-01', '2026-12-01', '2027-01-01', '2026-12-01']
    for (const now of ['2026-12-01T06:00:00Z', '2026-12-31T23:00:00Z']) {
      expect(shown(dueRun(monthly, place, at(now), null))).toEqual(
        expected.map((day) => `${day}T06:00:00.000Z`),
      )
    }
  })

  test('is a single run for all missed occurrences, which covers the time since the last run', () => {
    const place = { nextRunAt: at('2026-02-01T06:00:00Z'), coveredUntil: at('2026-01-01T06:00:00Z') }
    expect(shown(dueRun(monthly, place, at('2026-05-11T00:00:00Z'), null))).toEqual(
      ['2026-05-01', '2026-01-01', '2026-05-01', '2026-06-01', '2026-05-01'].map(
        (day) => `${day}T06:00:00.000Z`,
      ),
    )
  })

  test('exists when the data has grown by a day, counted from the last midnight', () => {
    const place = startingPosition(daily, at('2026-11-27T12:00:00Z'), data('2026-11-25T09:00:00Z'))
    expect(place).toEqual({ nextRunAt: null, coveredUntil: at('2026-11-25T00:00:00Z') })
    const due = (until: string) => shown(dueRun(daily, place, at('2027-01-01T00:00:00Z'), data(until)))
    expect(due('2026-11-25T23:59:59Z')).toBeNull()
    const [first, last] = ['2026-11-25T00:00:00.000Z', '2026-11-28T00:00:00.000Z']
    expect(due('2026-11-28T10:00:00Z')).toEqual([last, first, last, undefined, last])
  })

  test('never covers time before the start of the data', () => {
    const place = { nextRunAt: at('2026-02-01T06:00:00Z'), coveredUntil: at('2026-01-01T06:00:00Z') }
    const due = dueRun(monthly, place, at('2026-02-01T06:00:00Z'), data('2026-02-01T00:00:00Z'))
    expect(due?.period).toEqual({ start: at('2026-01-05T08:00:00Z'), end: at('2026-02-01T06:00:00Z') })
    const yearly: Trigger = { ...daily, period: Temporal.Duration.from('P1Y') }
    const { coveredUntil } = startingPosition(
      yearly,
      at('2026-11-27T12:00:00Z'),
      data('2026-11-25T09:00:00Z'),
    )
    expect(coveredUntil).toEqual(at('2026-01-05T08:00:00Z'))
  })

  test('starts with the first data when there was none', () => {
    const place = startingPosition(daily, at('2026-11-27T12:00:00Z'), null)
    expect(dueRun(daily, place, at('2026-11-27T12:00:00Z'), null)).toBeNull()
    const due = dueRun(daily, place, at('2026-11-27T12:00:00Z'), data('2026-01-08T10:00:00Z'))
    expect(due?.period).toEqual({ start: at('2026-01-05T08:00:00Z'), end: at('2026-01-08T00:00:00Z') })
  })
})
