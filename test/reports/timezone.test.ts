import { Temporal } from 'temporal-polyfill'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { literalText, sql } from '../../src/reports/sql.ts'
import { clockTime, readTimezone } from '../../src/reports/timezone.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startTestGateway } from '../support/gateway.ts'
import { marchEnd, marchStart, writeMarchLedger } from '../support/march-ledger.ts'
import { runReport } from '../support/run-report.ts'

describe('every accepted timezone', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database[Symbol.asyncDispose]())

  /** Noon every two weeks for three past years, for which all versions of the timezone database agree. */
  const noons = Array.from({ length: 78 }, (_, i) =>
    new Date(Date.UTC(2022, 0, 1 + i * 14, 12)).toISOString(),
  )

  /** All names that Postgres and JavaScript know, including abbreviations and obsolete names. */
  const candidates = async (): Promise<string[]> => {
    const known = await database.query<{ name: string }>(
      'select name from pg_timezone_names union select abbrev from pg_timezone_abbrevs',
    )
    const obsolete = 'ACT AET AGT BET CNT CTT ECT IET IST MIT NET PNT SST VST SystemV/AST4 US/Pacific-New'
    return [
      ...new Set([
        ...known.map(({ name }) => name),
        ...Intl.supportedValuesOf('timeZone'),
        ...`${obsolete} Canada/East-Saskatchewan Etc/Unknown Factory UTC utc eSt5eDt`.split(' '),
      ]),
    ]
  }

  const inPostgres = async (timezone: string): Promise<string[]> => {
    const text = clockTime(sql`noon::timestamptz`, timezone)
    const rows = await database.query<{ shown: string }>(
      `select to_char(${literalText(text)}, 'YYYY-MM-DD"T"HH24:MI:SS') as shown
       from unnest($1::text[]) with ordinality as given (noon, position) order by position`,
      [noons],
    )
    return rows.map(({ shown }) => shown)
  }

  test('has the same local times in Postgres', async () => {
    const accepted = (await candidates()).flatMap((name) => readTimezone(name) ?? [])
    expect(accepted.length).toBeGreaterThan(590)
    const wrong: string[] = []
    for (const timezone of accepted) {
      const expected = noons.map((noon) =>
        Temporal.Instant.from(noon)
          .toZonedDateTimeISO(timezone)
          .toPlainDateTime()
          .toString({ smallestUnit: 'second' }),
      )
      const shown = await inPostgres(timezone).catch((error: Error) => [error.message])
      if (JSON.stringify(shown) !== JSON.stringify(expected)) wrong.push(timezone)
    }
    expect(wrong).toEqual([])
  })

  test('includes all names that JavaScript lists, and old names', () => {
    const names = [
      ...Intl.supportedValuesOf('timeZone'),
      'UTC',
      'GMT',
      'US/Pacific',
      'EST5EDT',
      'Etc/GMT+5',
      'CET',
    ]
    expect(names.filter((name) => readTimezone(name) !== name)).toEqual([])
  })
})

test('a file has daylight saving time for a zone whose name is also an abbreviation', async () => {
  await using gateway = await startTestGateway()
  const account = await gateway.createAccount()
  await writeMarchLedger(gateway.database, account, [])
  const { rows } = await runReport(account, {
    balanceChangeFromActivityItemized3: {
      interval: { between: { start: marchStart, end: marchEnd } },
      timezone: 'CET',
      currency: 'eur',
      columns: ['created'],
    },
  })
  expect(rows).toEqual([{ created: '2026-03-29 01:59:59' }, { created: '2026-03-29 03:00:00' }])
})
