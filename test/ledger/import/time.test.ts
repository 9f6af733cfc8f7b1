import { expect, test } from 'vitest'
import { createTimeReader } from '../../../src/ledger/import/time.ts'

test.each([
  ['8/6/2026 12:00', /rewritten by a spreadsheet/],
  ['8/6/26', /rewritten by a spreadsheet/],
  ['06.08.2026 12:00', /rewritten by a spreadsheet/],
  ['6-8-2026', /rewritten by a spreadsheet/],
  ['2026/08/06 12:00', /rewritten by a spreadsheet/],
  ['46240.5', /rewritten by a spreadsheet/],
  ['46240,5', /rewritten by a spreadsheet/],
  ['00:00.0', /rewritten by a spreadsheet/],
  ['8/6/2026 12:00:00 PM', /rewritten by a spreadsheet/],
  ['1785931200', /number of seconds/],
  ['1785931200000', /number of seconds/],
  ['2026-02-30', /not a valid time/],
  ['2026-13-01 10:00', /not a valid time/],
  ['Aug 6, 2026', /not a valid time/],
])('the time %s is rejected with its cause', (text, reason) => {
  expect(() => createTimeReader('UTC')(text)).toThrow(reason)
})

test('a time that clocks skip is rejected, and a day starts at its first time', () => {
  const read = createTimeReader('Africa/Cairo')
  expect(() => read('2026-04-24 00:30')).toThrow(/does not exist in Africa\/Cairo.* --timezone/)
  expect(read('2026-04-24')).toEqual(new Date('2026-04-23T22:00:00Z'))
  expect(read('2026-04-24 00:30Z')).toEqual(new Date('2026-04-24T00:30:00Z'))
})
