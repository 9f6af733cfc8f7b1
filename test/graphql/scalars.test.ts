import { assertScalarType, parse, validate } from 'graphql'
import { describe, expect, test } from 'vitest'
import { schema } from '../../src/graphql/schema.ts'
import { currency, timezone } from '../../src/reports/parameters.ts'

function accepts(scalar: string, value: string): boolean {
  try {
    return assertScalarType(schema.getType(scalar)).coerceInputValue(value) === value
  } catch {
    return false
  }
}

test('Currency accepts every currency that the parameter accepts, in upper and lower case', () => {
  const codes = [...Intl.supportedValuesOf('currency'), 'USDC'].flatMap((code) => [code, code.toLowerCase()])
  const accepted = codes.filter((code) => currency.currency.schema.safeParse(code).success)
  expect(accepted.length).toBeGreaterThan(300)
  expect(accepted.filter((code) => !accepts('Currency', code))).toEqual([])
})

test.each([
  ['2026-09-01T00:00:00.0001Z', '2026-09-01T00:00:00.001Z'],
  ['2026-09-01T00:00:00.9991000Z', '2026-09-01T00:00:01.000Z'],
  ['2026-09-01T00:00:00.123000000Z', '2026-09-01T00:00:00.123Z'],
  ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
  ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
])('DateTime is rounded up to milliseconds: %s', (text, rounded) => {
  const { coerceInputValue } = assertScalarType(schema.getType('DateTime'))
  expect(coerceInputValue(text)).toEqual(new Date(rounded))
})

test.each([
  '9999-12-31T23:59:59.9999999Z',
  '9999-12-31T23:59:59-00:01',
  '0001-01-01T00:00:00+00:01',
  '0000-06-01T00:00:00Z',
  '2016-12-31T23:59:60Z',
])('DateTime refuses %s, which is out of the calendar', (text) => {
  const { coerceInputValue } = assertScalarType(schema.getType('DateTime'))
  expect(() => coerceInputValue(text)).toThrow('is not a valid timestamp')
})

test('TimeZone accepts every timezone that the parameter accepts, in any case', () => {
  const names = [
    ...Intl.supportedValuesOf('timeZone'),
    ...'UTC GMT US/Pacific EST5EDT Etc/GMT+5 CET utc europe/berlin'.split(' '),
  ]
  const accepted = names.filter((name) => timezone.timezone.schema.safeParse(name).success)
  expect(accepted).toEqual(names)
  expect(accepted.filter((name) => !accepts('TimeZone', name))).toEqual([])
})

describe.each([
  ['Duration', '1h', '"1h" is not a valid ISO 8601 duration. Use one such as "PT15M" (15 minutes).'],
  [
    'DateTime',
    '2026-09-01',
    '"2026-09-01" is not a valid timestamp. Use RFC 3339 text such as "2026-09-01T00:00:00Z".',
  ],
  ['TimeZone', 'Berlin', '"Berlin" is not a valid timezone. Use an IANA name such as "Europe/Berlin".'],
  ['Currency', 'EURO', '"EURO" is not a valid currency. Use a three-letter ISO 4217 code such as "usd".'],
])('%s', (scalar, value, message) => {
  const { coerceInputValue } = assertScalarType(schema.getType(scalar))

  test('rejects a value with an example of a valid one', () => {
    expect(() => coerceInputValue(value)).toThrow(message)
  })

  test('cuts a long value, and rejects a value of another type', () => {
    expect(() => coerceInputValue('x'.repeat(10_000))).toThrow(/^"x{99}… is not a valid/)
    expect(() => coerceInputValue(5)).toThrow(/^5 is not a valid/)
  })
})

test.each([
  ['reportRunEvents(progressInterval: "1h")', '"1h" is not a valid ISO 8601 duration'],
  ['reportRunEvents(scope: { filter: { createdAt: { end: "today" } } })', '"today" is not a valid timestamp'],
  ['reportRunEvents(after: 5)', '5 is not a valid event cursor'],
])('an invalid literal in %s is rejected with its position', (field, message) => {
  const errors = validate(schema, parse(`subscription { ${field} { cursor } }`))
  expect(errors).toMatchObject([{ message: expect.stringContaining(message), locations: [{ line: 1 }] }])
})
