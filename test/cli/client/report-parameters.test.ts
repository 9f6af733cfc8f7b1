import { describe, expect, test } from 'vitest'
import { readParameters } from '../../../src/cli/client/report-parameters.ts'

describe('the parameters of the terminal client', () => {
  const takes = ['interval_start', 'interval_end'].map((name) => ({ name, isList: false }))
  const now = new Date('2026-03-31T23:30:00Z')

  test.each<[string, Parameters<typeof readParameters>[0], Record<string, unknown>]>([
    [
      'the previous month',
      {},
      { interval_start: '2026-02-01T00:00:00Z', interval_end: '2026-03-01T00:00:00Z' },
    ],
    [
      'the previous month where it is already April, and summer time started in March',
      { timezone: 'Europe/Berlin' },
      {
        timezone: 'Europe/Berlin',
        interval_start: '2026-02-28T23:00:00Z',
        interval_end: '2026-03-31T22:00:00Z',
      },
    ],
    [
      'a midnight that does not exist as the first moment of the day',
      { from: '2026-09-06', timezone: 'America/Santiago' },
      { timezone: 'America/Santiago', interval_start: '2026-09-06T04:00:00Z' },
    ],
    ['an instant', { to: '2026-09-01T02:00:00+02:00' }, { interval_end: '2026-09-01T00:00:00Z' }],
  ])('read %s', (_what, given, expected) => {
    expect(readParameters(given, takes, now)).toEqual(expected)
  })

  test('omit the interval where the type takes none, and split lists', () => {
    const types = [{ name: 'categories', isList: true }]
    expect(readParameters({ set: ['categories=a,b', 'text=a,b=c'] }, types, now)).toEqual({
      categories: ['a', 'b'],
      text: 'a,b=c',
    })
  })

  test.each<[Parameters<typeof readParameters>[0], RegExp]>([
    [{ from: '2026-13-01' }, /^--from 2026-13-01 .*Etc\/UTC\..*2026-09-01T00:00:00Z/],
    [{ to: 'today', timezone: 'Europe/Berlin' }, /^--to today .*Europe\/Berlin\./],
    [{ timezone: 'Mars/Base' }, /^--timezone Mars\/Base .*Europe\/Berlin/],
    [{ from: '2026-09-01', timezone: 'Mars/Base' }, /^--timezone Mars\/Base .*Europe\/Berlin/],
    [{ set: ['currency'] }, /^--set currency .*name=value/],
    [{ set: ['=eur'] }, /^--set =eur .*name=value/],
  ])('that cannot be read are refused by name, with a form that can: %j', (given, sentence) => {
    expect(() => readParameters(given, takes, now)).toThrow(sentence)
  })
})
