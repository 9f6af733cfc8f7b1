import { expect, test } from 'vitest'
import { jsonObject } from '../src/json.ts'

test('an object is returned unchanged', () => {
  const value = { a: [1, null], b: { c: 'd' } }
  expect(jsonObject(value)).toBe(value)
})

test.each([[null], [[]], ['text'], [1], [true]])('%j is not an object', (value) => {
  expect(() => jsonObject(value)).toThrow('The value of a JSON column is not an object.')
})
