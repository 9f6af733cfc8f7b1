import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import { expect, test } from 'vitest'
import { valueTypes } from '../../src/reports/custom/value-type.ts'
import {
  columns,
  currency,
  decimalSeparator,
  interval,
  payout,
  reportingCategory,
  timezone,
} from '../../src/reports/parameters.ts'

const parameters = {
  ...interval,
  ...payout,
  ...currency,
  ...timezone,
  ...reportingCategory,
  ...decimalSeparator,
  ...columns,
}
const schemas = Object.entries({ ...parameters, ...valueTypes }).map(
  ([name, { schema }]) => [name, schema] as const,
)

const two = fc.constantFrom('00', '01', '02', '12', '23', '24', '28', '29', '30', '31', '59', '60')
const year = fc.constantFrom('0000', '0001', '1582', '1969', '2016', '2026', '9998', '9999')
const fraction = fc.oneof(
  fc.constantFrom('', '.', '.0', '.5', '.9999999', '.999999999', '.9999995', '.9999994', '.0000001'),
  fc.stringMatching(/^\.[09]{1,12}$/),
)
const offset = fc.constantFrom(
  'Z',
  'z',
  '+00:00',
  '-00:00',
  '+14:00',
  '-12:00',
  '+23:59',
  '-23:59',
  '',
  '+24:00',
)
const edgeDays = fc.constantFrom('0001-01-01', '9999-12-31', '2016-12-31', '0000-12-31')
const date = fc.oneof(
  edgeDays,
  fc.tuple(year, two, two).map((parts) => parts.join('-')),
)
const clock = fc.oneof(
  fc.constantFrom('23:59:59', '00:00:00', '23:59:60', '24:00:00'),
  fc.tuple(two, two, two).map((parts) => parts.join(':')),
)
const time = fc
  .tuple(date, fc.constantFrom('T', 't', ' '), clock, fraction, offset)
  .map((parts) => parts.join(''))
const digits = fc.stringMatching(/^-?0{0,3}\d{1,22}(\.\d{0,12})?$/)
const word = fc.constantFrom(
  'USD',
  'usd',
  'usdc',
  'charge',
  'po_1',
  'utc',
  'EUROPE/berlin',
  'true',
  'false',
  '.',
  ',',
)
const anything = fc.oneof(
  time,
  date,
  digits,
  word,
  fc.integer({ min: -62_135_596_802, max: -62_135_596_798 }),
  fc.integer({ min: 253_402_300_797, max: 253_402_300_801 }),
  fc.double(),
  fc.maxSafeInteger(),
  fc.boolean(),
  fc.string({ unit: 'binary' }),
  fc.array(fc.string(), { maxLength: 3 }),
)

test.each(schemas)('what %s accepts, it accepts again unchanged', (_name, schema) => {
  fc.assert(
    fc.property(anything, (given) => {
      const { data } = schema.safeParse(given)
      if (data === undefined) return
      // As a run stores it.
      const stored = JSON.parse(JSON.stringify(data))
      expect(schema.safeParse(stored)).toEqual({ success: true, data })
    }),
    { numRuns: 2_000 },
  )
})

const instants = [
  ['interval_start', interval.interval_start.schema],
  ['timestamp', valueTypes.timestamp.schema],
] as const

test.each(instants)('every instant that %s accepts is in the calendar of Postgres', (_name, schema) => {
  fc.assert(
    fc.property(fc.oneof(time, fc.integer({ min: -7e10, max: 3e11 })), (given) => {
      const { data } = schema.safeParse(given)
      if (data === undefined) return
      expect(data).toMatch(/^\d{4}-/)
      const { year } = Temporal.Instant.from(String(data)).toZonedDateTimeISO('UTC')
      expect(year).toBeGreaterThan(0)
    }),
    { numRuns: 2_000 },
  )
})

test.each(instants)('%s refuses an instant that is rounded out of the calendar', (_name, schema) => {
  for (const given of ['9999-12-31T23:59:59.9999999Z', '9999-12-31T23:59:59Z', '9999-12-31T23:59:59-01:00']) {
    const accepted = given === '9999-12-31T23:59:59Z'
    expect([given, schema.safeParse(given).success]).toEqual([given, accepted])
  }
  expect(schema.safeParse('0001-01-01T00:00:00+00:01').success).toBe(false)
  expect(schema.safeParse('0001-01-01T00:00:00Z').data).toBe('0001-01-01T00:00:00Z')
})
