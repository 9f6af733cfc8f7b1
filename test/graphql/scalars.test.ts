import { assertScalarType } from 'graphql'
import { expect, test } from 'vitest'
import { schema } from '../../src/graphql/schema.ts'
import { currency, timezone } from '../../src/reports/parameters.ts'

function accepts(scalar: string, value: string): boolean {
  try {
    return assertScalarType(schema.getType(scalar)).coerceInputValue(value) === value
  } catch {
    return false
  }
}

test('Currency takes every currency that the parameter takes, in upper and lower case', () => {
  const codes = Intl.supportedValuesOf('currency').flatMap((code) => [code, code.toLowerCase()])
  const taken = codes.filter((code) => currency.currency.schema.safeParse(code).success)
  expect(taken.length).toBeGreaterThan(300)
  expect(taken.filter((code) => !accepts('Currency', code))).toEqual([])
})

test('TimeZone takes every timezone that the parameter takes, in any case', () => {
  const names = [
    ...Intl.supportedValuesOf('timeZone'),
    ...'UTC GMT US/Pacific EST5EDT Etc/GMT+5 CET utc europe/berlin'.split(' '),
  ]
  const taken = names.filter((name) => timezone.timezone.schema.safeParse(name).success)
  expect(taken).toEqual(names)
  expect(taken.filter((name) => !accepts('TimeZone', name))).toEqual([])
})
