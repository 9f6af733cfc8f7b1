import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ensureReader, readerRole } from '../../../src/reports/custom/login.ts'
import { customReportHeader } from '../../support/custom-report-header.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { startTestGateway, type TestAccount } from '../../support/gateway.ts'
import { runReport } from '../../support/run-report.ts'

/** SQL that exceeds the rights or limits of a report in ways that the check at startup cannot detect. */
const misdeeds: Record<string, string> = {
  become_superuser: "select set_config('role', 'postgres', true) as a",
  become_session_user: "select set_config('session_authorization', 'postgres', true) as a",
  read_keys: "select query_to_xml('select * from report_gateway.api_keys', true, true, '')::text as a",
  read_jobs: "select query_to_xml('select * from report_gateway_queue.job', true, true, '')::text as a",
  become_writable: "select set_config('transaction_read_only', 'off', true) as a",
  write_by_function: 'select shop.sell()::text as a',
  write_object: "select lo_from_bytea(0, 'x')::text as a",
  end_others:
    'select pg_terminate_backend(pid)::text as a from pg_stat_activity where usename <> current_user',
  sleep: "select pg_sleep(60)::text || 'x' as a",
  sleep_longer: "select set_config('statement_timeout', '0', true) || pg_sleep(60)::text as a",
}

const ownLock = 4_711

let database: TestDatabase
let account: TestAccount
const cleanup = new AsyncDisposableStack()

beforeAll(async () => {
  database = cleanup.use(await createTestDatabase())
  await database.query('create schema shop create table orders (buyer text)')
  await database.query(`create function shop.sell() returns int language sql security definer
    as $$ insert into shop.orders (buyer) values ('nobody') returning 1 $$`)
  await ensureReader(database.url)
  await database.query(`grant usage on schema shop to ${readerRole}`)
  await database.query(`grant select on shop.orders to ${readerRole}`)

  const folder = await mkdtemp(join(tmpdir(), 'report-gateway-custom-'))
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  for (const [id, sql] of Object.entries(misdeeds)) {
    await writeFile(join(folder, `${id}.sql`), `${customReportHeader(id, 'max_seconds: 1')}${sql}`)
  }
  await writeFile(
    join(folder, 'many.sql'),
    `${customReportHeader('many', 'max_rows: 3\nparameters: { rows: { type: integer, required: true, description: Rows. } }')}
    select number::text as a from generate_series(1, :rows) as number order by number desc -- no semicolon`,
  )
  await writeFile(
    join(folder, 'unlimited.sql'),
    `${customReportHeader('unlimited')}select current_setting('statement_timeout') || set_config('statement_timeout', '0', true) as a`,
  )
  await writeFile(
    join(folder, 'lock.sql'),
    `${customReportHeader('lock')}select pg_advisory_lock(${ownLock})::text || 'x' as a`,
  )
  const limits = { rows: 1_000, seconds: 60 }
  const gateway = cleanup.use(
    await startTestGateway({
      database,
      config: { reports: { folder, databaseUrl: null, limits }, concurrency: 4 },
    }),
  )
  account = await gateway.createAccount()
})
afterAll(() => cleanup.disposeAsync())

test('a custom report has at most as many rows as its limit', async () => {
  const many = (rows: number) => runReport(account, { byName: { name: 'test.many.1', parameters: { rows } } })
  expect((await many(3)).rows.map((row) => row.a)).toEqual(['3', '2', '1'])
  expect((await many(4)).rows.map((row) => row.a)).toEqual(['4', '3', '2'])
  const estimate = async (rows: number) => {
    const { estimateReportRun } = await account.client.request<{ estimateReportRun: object }>(
      'query ($report: ReportInput!) { estimateReportRun(report: $report) { rowCount warnings } }',
      { report: { byName: { name: 'test.many.1', parameters: { rows } } } },
    )
    return estimateReportRun
  }
  expect(await estimate(3)).toEqual({ rowCount: '3', warnings: [] })
  const warning = 'There are more rows than the maximum of 3 for this report: the result would be partial.'
  expect(await estimate(4)).toEqual({ rowCount: '3', warnings: [warning] })
})

test('a custom report cannot lift the time limit of its next statement, and its locks are released', async () => {
  const run = async (id: string) =>
    (await runReport(account, { byName: { name: `test.${id}.1`, parameters: {} } })).text
  expect(await run('unlimited')).toBe('"a"\n"1min0"\n')
  await run('lock')
  const locks = () =>
    database.query("select from pg_locks where locktype = 'advisory' and objid = $1", [ownLock])
  await expect.poll(locks).toEqual([])
})

test('a custom report cannot exceed its rights or its time', async () => {
  const failures = await Promise.all(
    Object.keys(misdeeds).map(async (id) => {
      const run = runReport(account, { byName: { name: `test.${id}.1`, parameters: {} } })
      return [id, String(await run.then(({ text }) => text, String)).match(/SQLSTATE \w+|TIMED_OUT/)?.[0]]
    }),
  )
  expect(Object.fromEntries(failures)).toEqual({
    become_superuser: 'SQLSTATE 42501',
    become_session_user: 'SQLSTATE 42501',
    read_keys: 'SQLSTATE 42501',
    read_jobs: 'SQLSTATE 42501',
    become_writable: 'SQLSTATE 25001',
    write_by_function: 'SQLSTATE 25006',
    write_object: 'SQLSTATE 25006',
    end_others: 'SQLSTATE 42501',
    sleep: 'TIMED_OUT',
    sleep_longer: 'TIMED_OUT',
  })
  const [count] = await database.query<{ n: number }>(
    "select count(*)::int as n from shop.orders where buyer = 'nobody'",
  )
  expect(count).toEqual({ n: 0 })
})
