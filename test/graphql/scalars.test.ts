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

test('Currency accepts every currency that the parameter accepts, in upper and lower case', () => {
  const codes = Intl.supportedValuesOf('currency').flatMap((code) => [code, code.toLowerCase()])
  const accepted = codes.filter((code) => currency.currency.schema.safeParse(code).success)
  expect(accepted.length).toBeGreaterThan(300)
  expect(accepted.filter((code) => !accepts('Currency', code))).toEqual([])
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
