import { expect, test } from 'vitest'
import { jsonObject } from '../src/json.ts'

test('an object of a JSON column is given as it is', () => {
  const value = { a: [1, null], b: { c: 'd' } }
  expect(jsonObject(value)).toBe(value)
})

test.each([[null], [[]], ['text'], [1], [true]])('%j is no object', (value) => {
  expect(() => jsonObject(value)).toThrow('A JSON column holds no object.')
})
