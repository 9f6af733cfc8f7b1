import { expect, test } from 'vitest'
import { demoAccountId } from '../../src/demo/demo.ts'
import { builtInReportTypes } from '../../src/reports/catalog.ts'
import { createTestDatabase } from '../support/database.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { runReport } from '../support/run-report.ts'

/** Defaults of a login that differ from those of Postgres, as operators set them for people or for other programs. */
const settings = {
  statement_timeout: "'20ms'",
  lock_timeout: "'1ms'",
  idle_in_transaction_session_timeout: "'1ms'",
  idle_session_timeout: "'1s'",
  transaction_timeout: "'200ms'",
  search_path: 'pg_catalog',
  timezone: "'Asia/Kolkata'",
  datestyle: "'German, DMY'",
  intervalstyle: "'sql_standard'",
  bytea_output: "'escape'",
  extra_float_digits: '-15',
  standard_conforming_strings: 'off',
  default_transaction_isolation: "'serializable'",
  default_transaction_read_only: 'on',
  default_transaction_deferrable: 'on',
  row_security: 'off',
  array_nulls: 'off',
  transform_null_equals: 'on',
  client_encoding: "'LATIN1'",
  session_replication_role: "'replica'",
  lc_numeric: "'C'",
  xmlbinary: "'hex'",
  jit_above_cost: '0',
}

/** The files of all built-in reports by name. */
async function runAll(gateway: TestGateway): Promise<Record<string, string>> {
  const account = await gateway.createAccount({ accountId: demoAccountId, livemode: true })
  const [payout] = await gateway.database.query<{ id: string }>(
    'select id from payouts where account_id = $1 and livemode order by id limit 1',
    [demoAccountId],
  )
  const values = {
    interval_start: '2026-09-01T00:00:00Z',
    interval_end: '2026-10-01T00:00:00Z',
    payout: payout?.id,
  }
  const files: Record<string, string> = {}
  for (const { name, parameters: known } of builtInReportTypes) {
    const parameters = Object.fromEntries(Object.entries(values).filter(([key]) => key in known))
    files[name] = (await runReport(account, { byName: { name, parameters } })).sha256
  }
  return files
}

test('a login with other defaults than those of Postgres runs every built-in report with the same result', async () => {
  await using plain = await startTestGateway({ withLedger: true })
  const expected = await runAll(plain)
  expect(Object.keys(expected)).toHaveLength(builtInReportTypes.length)

  await using database = await createTestDatabase(true)
  const login = `hostile_${new URL(database.url).pathname.slice(1)}`
  await database.query(`create role ${login} login superuser password 'not-secret'`)
  for (const [name, value] of Object.entries(settings)) {
    await database.query(`alter role ${login} set ${name} = ${value}`)
  }
  const url = new URL(database.url)
  url.username = login
  url.password = 'not-secret'
  try {
    await using gateway = await startTestGateway({ database: { ...database, url: url.href } })
    expect(await runAll(gateway)).toEqual(expected)
    expect((await fetch(`${gateway.url}/ready`)).status).toBe(200)
    expect(gateway.logged.filter(({ level }) => Number(level) > 30)).toEqual([])
  } finally {
    await database.query(`alter role ${login} nologin`)
  }
})
