import { expect, test } from 'vitest'
import { readJsonObject } from '../../src/postgres/json-column.ts'

test('a JSON column of objects gives the object', () => {
  expect(readJsonObject({ columns: ['a'], nested: { b: null } })).toEqual({
    columns: ['a'],
    nested: { b: null },
  })
})

test.each([[null], ['text'], [1], [true], [[]]])('anything else in it is an error: %j', (value) => {
  expect(() => readJsonObject(value)).toThrow('A JSON column does not hold an object.')
})
