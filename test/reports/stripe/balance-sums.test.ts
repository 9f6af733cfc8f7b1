import fc from 'fast-check'
import type pg from 'pg'
import { Temporal } from 'temporal-polyfill'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createConnection } from '../../../src/postgres/client.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { putRows, type RandomRow, randomRow, randomTime, readReport } from '../../support/random-ledger.ts'

let database: TestDatabase
let client: pg.Client
beforeAll(async () => {
  database = await createTestDatabase()
  client = createConnection(database.url, 'test')
  await client.connect()
})
afterAll(async () => {
  await client.end()
  await database[Symbol.asyncDispose]()
})

const timezone = fc.constantFrom('Etc/UTC', 'America/Los_Angeles', 'Asia/Kolkata')
/** When each payout left the balance. An unknown payout never did. */
const payouts = fc.record({ po_1: randomTime, po_2: fc.option(randomTime) })

const drawnLedger = fc.record({
  rows: fc.uniqueArray(randomRow, { selector: ({ id }) => id, minLength: 4, maxLength: 15 }),
  payouts,
  timezone,
  interval: fc.tuple(randomTime, randomTime).filter(([a, b]) => a !== b),
  currency: fc.option(fc.constantFrom('usd', 'jpy'), { nil: undefined }),
})

function minor(text: string, currency: string): number {
  return currency === 'jpy' ? Number(text) : Math.round(Number(text) * 100)
}

function total(rows: readonly RandomRow[], value: (row: RandomRow) => number): number {
  return rows.reduce((sum, row) => sum + value(row), 0)
}

const net = ({ amount, fee }: RandomRow): number => amount - fee
const isBank = ({ category }: RandomRow): boolean => category.startsWith('payout')

/** The lines of a summary by category, in minor units. */
function summaryOf(rows: readonly RandomRow[], sign = 1): string[] {
  const lines = Map.groupBy(
    rows.flatMap((row) =>
      [row.category, 'total'].map((category) => ({ row, key: `${row.currency} ${category}` })),
    ),
    ({ key }) => key,
  )
  return [...lines]
    .map(([key, entries]) => {
      const all = entries.map(({ row }) => row)
      const gross = sign * total(all, ({ amount }) => amount)
      return `${key}: ${all.length} ${gross + 0} ${total(all, ({ fee }) => fee)} ${sign * total(all, net) + 0}`
    })
    .sort()
}

function readSummary(rows: readonly Record<string, string>[]): string[] {
  return rows
    .map(({ currency = '', reporting_category, count, ...amounts }) => {
      const [gross, fee, sum] = [amounts.gross, amounts.fee, amounts.net].map(
        (text = '') => minor(text, currency) + 0,
      )
      return `${currency} ${reporting_category}: ${count} ${gross} ${fee} ${sum}`
    })
    .sort()
}

function time(seconds: number): string {
  return new Date(seconds * 1000).toISOString()
}

function dateOf(seconds: number, zone: string): string {
  const instant = Temporal.Instant.fromEpochMilliseconds(seconds * 1000)
  return instant.toZonedDateTimeISO(zone).toPlainDate().toString()
}

let accounts = 0

test('reports of any interval in any timezone are sums of the rows', async () => {
  await fc.assert(
    fc.asyncProperty(drawnLedger, async ({ rows, payouts: left, timezone: zone, interval, currency }) => {
      const account = `acct_${++accounts}`
      // In two statements, of which the second one replaces rows of the first.
      await putRows(
        client,
        account,
        rows.map((row) => ({ ...row, category: 'payout', amount: 1, sweptBy: 'po_3' })),
      )
      await putRows(client, account, rows)
      await client.query(
        `insert into payouts (account_id, livemode, id, currency, effective_at)
         select $1, false, key, 'usd', to_timestamp(value::bigint) from jsonb_each_text($2)`,
        [account, JSON.stringify(left)],
      )
      const [start = 0, end = 0] = [...interval].sort((a, b) => a - b)
      const read = (type: string) =>
        readReport(client, type, account, {
          interval_start: time(start),
          interval_end: time(end),
          timezone: zone,
          ...(currency && { currency }),
        })
      const all = rows.filter((row) => currency === undefined || row.currency === currency)
      const before = all.filter(({ effective }) => effective < end)
      const within = before.filter(({ effective }) => effective >= start)

      const balance = (await read('balance.summary.1')).map(
        (line) =>
          `${line.currency} ${line.category} ${minor(line.net_amount ?? '', line.currency ?? '') + 0}`,
      )
      const currencies = [...new Set(before.map((row) => row.currency))].sort()
      const byCurrency = (code: string) => (row: RandomRow) => row.currency === code
      expect(balance).toEqual(
        currencies.flatMap((code) => {
          const earlier = before.filter(byCurrency(code)).filter(({ effective }) => effective < start)
          const changes = within.filter(byCurrency(code))
          const [bank, activity] = [changes.filter(isBank), changes.filter((row) => !isBank(row))]
          const parts = (name: string, some: RandomRow[]): [string, number][] => [
            [`${name}_gross`, total(some, ({ amount }) => amount)],
            [`${name}_fee`, -total(some, ({ fee }) => fee)],
            [name, total(some, net)],
          ]
          const lines: [string, number][] = [
            ['starting_balance', total(earlier, net)],
            ...parts('activity', activity),
            ...parts('payouts', bank),
            ['ending_balance', total(earlier, net) + total(changes, net)],
          ]
          return lines.map(([name, value]) => `${code} ${name} ${value + 0}`)
        }),
      )

      const activity = await read('balance_change_from_activity.summary.1')
      expect(readSummary(activity)).toEqual(summaryOf(within.filter((row) => !isBank(row))))
      const paid = await read('payouts.summary.1')
      expect(readSummary(paid)).toEqual(summaryOf(within.filter(isBank), -1))

      const leftAt = (id: string) => Object.entries(left).find(([known]) => known === id)?.[1] ?? null
      const swept = new Set(rows.map(({ sweptBy }) => sweptBy))
      const held = before.filter(({ category, payout, sweptBy }) => {
        const sweptAt = sweptBy === null ? Number.POSITIVE_INFINITY : (leftAt(sweptBy) ?? 0)
        return sweptAt >= end && !(category === 'payout' && payout !== null && swept.has(payout))
      })
      expect(readSummary(await read('ending_balance_reconciliation.summary.1'))).toEqual(summaryOf(held))

      const sweptWithin = all.filter(({ sweptBy }) => {
        const at = sweptBy === null ? null : leftAt(sweptBy)
        return at !== null && at >= start && at < end
      })
      expect(readSummary(await read('payout_reconciliation.summary.1'))).toEqual(summaryOf(sweptWithin))

      const days = await read('gateway.daily_balance.1')
      expect([...new Set(days.map((line) => line.currency))]).toEqual(currencies)
      for (const line of days) {
        const some = all.filter(byCurrency(line.currency ?? ''))
        const endsBy = (at: number) => at < end && dateOf(at, zone) <= (line.date ?? '')
        const ending = some.filter(({ effective }) => endsBy(effective))
        const free = some.filter(({ effective, available }) => endsBy(Math.max(effective, available ?? 0)))
        const today = within
          .filter(byCurrency(line.currency ?? ''))
          .filter(({ effective }) => dateOf(effective, zone) === line.date)
        const value = (name: string) => minor(line[name] ?? '', line.currency ?? '') + 0
        expect(['ending_balance', 'available', 'activity', 'payouts'].map(value)).toEqual(
          [
            total(ending, net),
            total(free, net),
            total(
              today.filter((row) => !isBank(row)),
              net,
            ),
            total(today.filter(isBank), net),
          ].map((sum) => sum + 0),
        )
      }
    }),
    { numRuns: 40 },
  )
})
