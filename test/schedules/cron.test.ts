import { CronExpression, CronExpressionParser } from 'cron-parser'
import { Temporal } from 'temporal-polyfill'
import { describe, expect, test, vi } from 'vitest'
import { type Cron, checkCron, lastOccurrence, nextOccurrence } from '../../src/schedules/cron.ts'
import { at, iso } from '../support/instants.ts'

/** The occurrences after a time, each computed separately, as a worker does. */
function occurrences(expression: string, timezone: string, after: string, count: number): string[] {
  let last = at(after)
  return Array.from({ length: count }, () => {
    last = nextOccurrence({ expression, timezone }, last)
    const found = last.toISOString()
    // A worker checks some time after the occurrence.
    last = new Date(last.getTime() + 7_000)
    return found.slice(0, 16)
  })
}

describe('cron', () => {
  test.each([
    ['forward and skip it', '2026-03-28T00:00:00Z', ['28T01:30', '29T01:30', '30T00:30']],
    ['back and repeat it', '2026-10-24T00:00:00Z', ['24T00:30', '25T00:30', '26T01:30']],
  ])('a daily time occurs once when the clocks are set %s', (_name, after, days) => {
    const found = occurrences('30 2 * * *', 'Europe/Berlin', after, 3)
    expect(found).toEqual(days.map((day) => `${after.slice(0, 8)}${day}`))
  })

  test.each([
    ['Europe/Berlin', ['2026-03-26', '2026-10-22']],
    ['America/New_York', ['2026-03-05', '2026-10-29']],
    ['America/Sao_Paulo', ['2017-10-12', '2018-02-15']],
    ['Pacific/Auckland', ['2026-04-02', '2026-09-24']],
  ])('a daily time at any hour occurs on each day when the clocks change in %s', (timezone, starts) => {
    for (const start of starts) {
      for (const hour of [0, 1, 2, 3]) {
        const days = occurrences(`15 ${hour} * * *`, timezone, `${start}T12:00:00Z`, 5).map((found) =>
          Temporal.Instant.from(`${found}Z`).toZonedDateTimeISO(timezone).toPlainDate(),
        )
        const [first] = days
        expect(days.map(String)).toEqual(days.map((_, i) => String(first?.add({ days: i }))))
      }
    }
  })

  /** Expressions with their hours and minutes; null for all hours. */
  const times: [expression: string, hours: number[] | null, minutes: number[]][] = [
    ['30 2 * * *', [2], [30]],
    ['30 0 * * *', [0], [30]],
    ['0 3 * * *', [3], [0]],
    ['15,30 2 * * *', [2], [15, 30]],
    ['0 0,12 * * *', [0, 12], [0]],
    ['*/15 * * * *', null, [0, 15, 30, 45]],
  ]

  test.each([
    ['Europe/Berlin', ['2026-03-29', '2026-10-25']],
    ['Pacific/Chatham', ['2026-04-05', '2026-09-27']],
    ['Australia/Lord_Howe', ['2026-04-05', '2026-10-04']],
    ['America/Havana', ['2026-03-08', '2026-11-01']],
    ['Antarctica/Troll', ['2026-03-29', '2026-10-25']],
  ])(
    'the last and next occurrences are correct at all times around a clock change in %s',
    (timezone, days) => {
      const step = 73 * 60 * 1000
      for (const day of days.map((text) => Temporal.PlainDate.from(text))) {
        for (const [expression, hours, minutes] of times) {
          const shown = [-2, -1, 0, 1, 2].flatMap((days) =>
            (hours ?? Array.from({ length: 24 }, (_, hour) => hour)).flatMap((hour) =>
              minutes.map((minute) => day.add({ days }).toPlainDateTime({ hour, minute })),
            ),
          )
          const instants = shown.map((time) => time.toZonedDateTime(timezone).epochMilliseconds)
          const all = [...new Set(instants)].toSorted((a, b) => a - b)
          const noon = day.subtract({ days: 1 }).toZonedDateTime({ timeZone: timezone, plainTime: '12:00' })
          for (let now = noon.epochMilliseconds + 3_000, i = 0; i < 30; now += step, i++) {
            const cron = { expression, timezone }
            const actual = [lastOccurrence(cron, new Date(now)), nextOccurrence(cron, new Date(now))].map(iso)
            const expected = [all.findLast((time) => time <= now), all.find((time) => time > now)]
            expect([expression, iso(new Date(now)), ...actual]).toEqual([
              expression,
              iso(new Date(now)),
              ...expected.map((time) => iso(time === undefined ? null : new Date(time))),
            ])
          }
        }
      }
    },
  )

  test.each([
    ['* * * * *', '2026-11-27T12:00:00Z', '2026-11-27T12:00:00Z'],
    ['0 6 * * *', '2026-11-27T05:59:59Z', '2026-11-26T06:00:00Z'],
    ['0 6 1 * *', '2026-11-27T12:00:00Z', '2026-11-01T06:00:00Z'],
    ['0 6 1 1 *', '2026-11-27T12:00:00Z', '2026-01-01T06:00:00Z'],
    ['0 6 29 2 *', '2026-11-27T12:00:00Z', '2024-02-29T06:00:00Z'],
  ])('the last occurrence of `%s` before %s is %s', (expression, now, last) => {
    expect(lastOccurrence({ expression, timezone: 'Etc/UTC' }, at(now))).toEqual(at(last))
  })

  /** The last occurrence by definition: steps from one occurrence to the next. */
  const walk = (cron: Cron, from: string, now: Date): Date | null => {
    let last: Date | null = null
    let next = nextOccurrence(cron, at(from))
    while (next <= now) {
      last = next
      next = nextOccurrence(cron, next)
    }
    return last
  }

  test.each([
    ['30 2 * * *', '2026-03-27T00:00:00Z'],
    ['30 2 * * *', '2026-10-23T00:00:00Z'],
    ['15,45 0-3 * * *', '2026-03-28T12:00:00Z'],
    ['15,45 0-3 * * *', '2026-10-24T12:00:00Z'],
    ['0 */6 * * SUN', '2026-10-18T00:00:00Z'],
  ])(
    'the last occurrence of `%s` is that of a walk from %s, also when the clocks change',
    (expression, from) => {
      const cron = { expression, timezone: 'Europe/Berlin' }
      const start = at(from).getTime() + 8 * 24 * 60 * 60 * 1000
      for (let ago = 0; ago < 72; ago += 12) {
        const now = new Date(start - ago * 37 * 60 * 1000 - ago)
        expect(lastOccurrence(cron, now)).toEqual(walk(cron, from, now))
      }
    },
  )

  test.each([
    ['* 9-17 * * MON-FRI', '2026-11-29T12:00:00Z', '2026-11-27T17:59:00Z'],
    ['* * * 1 *', '2026-11-27T12:00:00Z', '2026-01-31T23:59:00Z'],
    ['* 0 29 2 *', '2026-11-27T12:00:00Z', '2024-02-29T00:59:00Z'],
  ])('the last occurrence of `%s` is found in a few steps', (expression, now, last) => {
    using next = vi.spyOn(CronExpression.prototype, 'next')
    using parse = vi.spyOn(CronExpressionParser, 'parse')
    expect(lastOccurrence({ expression, timezone: 'Etc/UTC' }, at(now))).toEqual(at(last))
    expect(next.mock.calls.length).toBeLessThan(50)
    expect(parse).toHaveBeenCalledOnce()
  })

  test.each([
    ['* * * * * *', 'five fields'],
    ['0 6 * *', 'five fields'],
    ['@daily', 'five fields'],
    ['', 'five fields'],
    ['60 * * * *', ': "60" is not a valid minute (0 to 59). Use minute, hour'],
    ['0 6 * * fun', ': "fun" is not a valid day of week (0 to 7, or SUN to SAT). Use'],
    ['0 6 32 * *', ': "32" is not a valid day of month (1 to 31). Use'],
    ['*/0 * * * *', ': "*/0" is not a valid minute (0 to 59). Use'],
    ['0 0 30 2 *', ': no date matches its day of month and month. Use'],
    ['H 6 * * *', 'H is not supported'],
    ['0 6 * * nope', 'Use minute, hour'],
    [`${'1,'.repeat(60)}1 * * * *`, 'longer than 100'],
  ])('`%s` is rejected', (expression, why) => {
    const check = () => checkCron({ expression, timezone: 'Etc/UTC' }, at('2026-11-27T12:00:00Z'))
    expect(check).toThrow(why)
    expect(check).toThrow(JSON.stringify(expression).slice(0, 50))
  })

  test.each(['0 6 * * MON-FRI', '*/5 8-18 * * *', '0 0 L * *', '0 6 * MAR THU'])(
    '`%s` is accepted',
    (expression) => {
      checkCron({ expression, timezone: 'Europe/Berlin' }, at('2026-11-27T12:00:00Z'))
    },
  )
})
