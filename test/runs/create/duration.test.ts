import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import { expect, test } from 'vitest'
import { durationError, durationText, toMilliseconds } from '../../../src/runs/create/duration.ts'
import { checkTimeLimits } from '../../../src/runs/create/request.ts'

const bounds = { min: Temporal.Duration.from('PT1S'), max: Temporal.Duration.from('P3660D') }

function errorFor(text: string): string | undefined {
  return durationError('retention', Temporal.Duration.from(text), bounds)?.message
}

test.each(['P1Y', 'P1M', 'P1Y2DT3H', '-P1M'])('rejects %s, whose length varies', (text) => {
  expect(errorFor(text)).toBe(
    `retention is ${text}. Years and months are not allowed, because their length varies. Use a duration from PT1S to P3660D.`,
  )
})

test.each(['PT0S', 'PT0.999S', '-PT1S', 'P3660DT0.001S', 'P20000D', 'P523W', 'PT9007199254740991S'])(
  'rejects %s as too short or too long, and writes it as it was sent',
  (text) => {
    expect(errorFor(text)).toBe(`retention is ${text}. Use a duration from PT1S to P3660D.`)
  },
)

test.each([
  ['PT1S', 1_000],
  ['PT1.0000001S', 1_000],
  ['PT1.0006S', 1_001],
  ['P1D', 86_400_000],
  ['P2W1D', 15 * 86_400_000],
  ['P3660D', 3_660 * 86_400_000],
])('accepts %s', (text, milliseconds) => {
  expect(errorFor(text)).toBeUndefined()
  expect(toMilliseconds(Temporal.Duration.from(text))).toBe(milliseconds)
})

test('a request names each of its invalid durations', () => {
  const year = Temporal.Duration.from('P1Y')
  const limits = { startWithin: year, timeout: year, retention: year, reuseWithin: year }
  expect(() => checkTimeLimits(limits)).toThrow(
    expect.objectContaining({
      errors: Object.keys(limits).map((field) =>
        expect.objectContaining({ path: [field], message: expect.stringContaining(`${field} is P1Y.`) }),
      ),
    }),
  )
})

test('the text of a duration is that of toString', () => {
  const value = fc.oneof(fc.constant(0), fc.nat({ max: 3_000 }), fc.nat({ max: 2 ** 31 }))
  const units = ['years', 'months', 'weeks', 'days', 'hours', 'minutes', 'seconds', 'milliseconds'] as const
  const rare = fc.oneof(
    { weight: 9, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.nat({ max: 5_000 }) },
  )
  const fields = fc.record({
    ...Object.fromEntries(units.map((unit) => [unit, value])),
    microseconds: rare,
    nanoseconds: rare,
  })
  fc.assert(
    fc.property(fields, fc.boolean(), (given, isNegative) => {
      const positive = Temporal.Duration.from(given)
      const duration = isNegative ? positive.negated() : positive
      expect(durationText(duration)).toBe(duration.toString())
    }),
    { numRuns: 500 },
  )
})
