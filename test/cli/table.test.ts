import { expect, test } from 'vitest'
import { formatJson, formatRecord, formatTable } from '../../src/cli/table.ts'

test('columns are aligned, and a missing value is a dash', () => {
  const rows = [
    { id: 'a', at: new Date(0), count: 12 },
    { id: 'long', at: null, count: 3n },
  ]
  expect(formatTable(rows)).toEqual([
    'id    at                        count',
    'a     1970-01-01T00:00:00.000Z  12',
    'long  -                         3',
  ])
})

test('a text of a client cannot control the terminal or add a line', () => {
  const name = 'a\u001b[2J\r\nb\u202Ec\u2028d\ud800'
  expect(formatTable([{ name }])[1]).toBe('a [2J b c d')
  expect(formatRecord({ name })).toEqual(['name  a [2J b c d'])
})

test('JSON has times in ISO 8601 and large numbers as strings', () => {
  expect(JSON.parse(formatJson([{ at: new Date(0), rows: 2n ** 60n, none: null }]))).toEqual([
    { at: '1970-01-01T00:00:00.000Z', rows: '1152921504606846976', none: null },
  ])
})
