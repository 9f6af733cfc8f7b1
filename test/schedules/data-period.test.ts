import { Temporal } from 'temporal-polyfill'
import { describe, expect, test } from 'vitest'
import { checkDataPeriod, startOfUnit, wholePeriods } from '../../src/schedules/data-period.ts'
import { at, iso } from '../support/instants.ts'

describe('a data period', () => {
  const period = (text: string) => Temporal.Duration.from(text)

  test.each(['PT0S', 'P0D', '-P1D', 'PT30S', 'P1DT1H', 'PT1M30S', 'P1001D', 'PT1.5H'])(
    '%s is rejected',
    (text) => {
      expect(() => checkDataPeriod(period(text))).toThrow(/is not a valid data period/)
    },
  )

  test.each([
    ['PT1M', '2026-03-29T10:17:00Z'],
    ['PT1H', '2026-03-29T10:00:00Z'],
    ['P1D', '2026-03-28T23:00:00Z'],
    ['P1W', '2026-03-22T23:00:00Z'],
    ['P1M', '2026-02-28T23:00:00Z'],
    ['P1Y', '2025-12-31T23:00:00Z'],
  ])('%s begins at the start of its unit in the timezone: %s', (text, start) => {
    expect(startOfUnit(period(text), at('2026-03-29T10:17:05Z'), 'Europe/Berlin')).toEqual(at(start))
  })

  test.each([
    ['P1D', '2026-03-27T23:00:00Z', '2026-03-28T22:59:59Z', undefined],
    ['P1D', '2026-03-27T23:00:00Z', '2026-03-28T23:00:00Z', '2026-03-28T23:00:00.000Z'],
    // The day of the clock change has 23 hours.
    ['P1D', '2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z', '2026-03-29T22:00:00.000Z'],
    ['P1D', '2026-03-01T23:00:00Z', '2026-03-20T12:00:00Z', '2026-03-19T23:00:00.000Z'],
    ['P3D', '2026-03-01T23:00:00Z', '2026-03-06T12:00:00Z', '2026-03-04T23:00:00.000Z'],
    ['P1M', '2026-01-31T23:00:00Z', '2026-04-15T12:00:00Z', '2026-03-31T22:00:00.000Z'],
    ['PT1H', '2026-03-01T10:30:00Z', '2026-03-01T12:59:00Z', '2026-03-01T12:00:00.000Z'],
    ['PT1M', '2016-01-01T00:00:00Z', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00.000Z'],
    ['P1D', '2026-03-28T23:00:00Z', '2026-03-01T00:00:00Z', undefined],
  ])('of %s, counted from %s with data up to %s, is complete until %s', (text, from, until, end) => {
    const whole = wholePeriods(period(text), at(from), at(until), 'Europe/Berlin')
    expect(iso(whole?.end)).toBe(end)
    if (whole) expect(whole.start).toEqual(at(from))
  })

  test.each([
    ['P1D', '2026-09-06T04:00:00Z', '2026-09-07T03:00:00Z', '2026-09-07T03:00:00.000Z'],
    ['P1D', '2026-09-06T04:00:00Z', '2026-09-07T02:59:59Z', undefined],
    ['P2D', '2026-09-06T04:00:00Z', '2026-09-08T12:00:00Z', '2026-09-08T03:00:00.000Z'],
    ['P1D', '2026-09-05T04:00:00Z', '2026-09-06T04:00:00Z', '2026-09-06T04:00:00.000Z'],
  ])(
    'of %s from %s with data up to %s ends at midnight, also after a day that begins at 01:00',
    (text, from, until, end) => {
      const whole = wholePeriods(period(text), at(from), at(until), 'America/Santiago')
      expect(iso(whole?.end)).toBe(end)
    },
  )
})
