import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { codeOf, InputError } from '../../src/errors.ts'
import { checkReplica } from '../../src/postgres/check-replica.ts'
import { builtInReportTypes } from '../../src/reports/catalog.ts'
import { renderReport } from '../../src/reports/render.ts'
import { defineReportType } from '../../src/reports/report-type.ts'
import { sql } from '../../src/reports/sql.ts'
import { builtInType } from '../support/built-in-type.ts'
import { describeWith } from '../support/debian-tools.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { type Postgres15, startPostgres15 } from '../support/postgres15.ts'
import { runReport } from '../support/run-report.ts'
import { createSlowRun, endOf, slowReport } from '../support/slow-report.ts'

/** A report that reads a table, after a check that reads the table on the primary. */
const facts = defineReportType({
  name: 'test.facts.1',
  title: 'Facts',
  description: 'The rows of a table.',
  parameters: {},
  columns: [
    { name: 'fact', description: 'A row.', isDefault: true, value: { kind: 'text', sql: sql`facts.fact` } },
  ],
  requiresLiveMode: false,
  availability: async () => null,
  check: async (prisma) => {
    const [row] = await prisma.$queryRaw<{ rows: bigint }[]>`select count(*) as rows from facts`
    return row?.rows ? [] : [new InputError('There are no facts.', [])]
  },
  source: () => ({ from: sql`facts`, orderBy: sql`facts.fact collate "C"` }),
})

const march = { start: '2026-03-01T00:00:00Z', end: '2026-04-01T00:00:00Z' }
const ledgerReports = [
  [
    { balanceChangeFromActivityItemized3: { interval: { between: march } } },
    'balance_change_from_activity.itemized.3',
  ],
  [{ balanceSummary1: { interval: { between: march } } }, 'balance.summary.1'],
] as const

const fillLedger = `
  insert into balance_transactions (account_id, livemode, id, type, reporting_category, currency, amount, fee, net,
    created, available_on, effective_at, description)
  select $1, false, 'txn_' || n, 'charge', 'charge', 'usd', 100 + n, 3, 97 + n, at, at + interval '2 days', at, 'Order ' || n
  from (select n, $2::timestamptz + n * interval '10 minutes' as at from generate_series(0, 4000) as n) as made`

const cover = `
  insert into ledger_coverage (account_id, livemode, available_from, available_until, payouts_known, updated_at)
  values ($1, false, $2, $3, true, now())`

const inUse = `
  select pid from pg_stat_activity
  where application_name = 'report-gateway reports' and (query like 'copy%' or query like 'COPY%') and state = 'active'`

describeWith(['postgres15'], 'reports on a read replica', () => {
  const cleanup = new AsyncDisposableStack()
  let primary: Postgres15
  let standby: Postgres15
  let gateway: TestGateway
  let account: TestAccount
  let dataDir: string
  const replicaOf = (waitSeconds: number) => ({ url: standby.database.url, waitSeconds })
  beforeAll(async () => {
    primary = cleanup.use(await startPostgres15({ settings: { autovacuum: 'off' } }))
    standby = cleanup.use(
      await startPostgres15({ standbyOf: primary, settings: { max_standby_streaming_delay: '0' } }),
    )
    dataDir = await mkdtemp(join(tmpdir(), 'report-gateway-test-'))
    cleanup.defer(() => rm(dataDir, { recursive: true, force: true }))
    gateway = cleanup.use(
      await startTestGateway({
        database: primary.database,
        dataDir,
        reportTypes: [...builtInReportTypes, facts, slowReport],
        config: { replica: replicaOf(60), runAttempts: 20 },
      }),
    )
    account = await gateway.createAccount()
    await primary.database.query('create table facts (fact text)')
    await primary.database.query(fillLedger, [account.accountId, march.start])
    await primary.database.query(cover, [account.accountId, march.start, march.end])
  })
  afterAll(() => cleanup.disposeAsync())

  const addFact = (fact: string) => primary.database.query('insert into facts values ($1)', [fact])
  /** Replay that continues can end the statement that continued it. */
  const setReplay = (what: 'pause' | 'resume') =>
    standby.database.query(`select pg_wal_replay_${what}()`).catch((error: unknown) => {
      if (codeOf(error) !== '40001') throw error
    })
  const copiesOn = ({ database }: Postgres15) => database.query<{ pid: number }>(inUse)

  async function createFactsRun({ client }: TestAccount): Promise<string> {
    const { createReportRun } = await client.request<{ createReportRun: { reportRun: { id: string } } }>(
      `mutation { createReportRun(input: { report: { byName: { name: "test.facts.1", parameters: {} } } }) { reportRun { id } } }`,
    )
    return createReportRun.reportRun.id
  }

  /** The rows of a finished report of facts. */
  async function factsOf({ client }: TestAccount, id: string): Promise<string[]> {
    const { status, failure, result } = await endOf(client, id)
    expect([status, failure]).toEqual(['SUCCEEDED', null])
    const text = await (await fetch(result?.files[0]?.download.url ?? '')).text()
    return text.trim().split('\n').slice(1)
  }

  test('the replica runs the queries, and the files are those of the primary', async () => {
    const slow = await createSlowRun(account.client, { rows: '3', row_seconds: '0.5' })
    await expect.poll(() => copiesOn(standby)).toHaveLength(1)
    expect(await copiesOn(primary)).toEqual([])
    expect((await endOf(account.client, slow)).status).toBe('SUCCEEDED')

    for (const [report, name] of ledgerReports) {
      const { text } = await runReport(account, report)
      const type = builtInType(name)
      const rendered = renderReport(type, account, {
        interval_start: march.start,
        interval_end: march.end,
        timezone: 'Etc/UTC',
        columns: type.columns.flatMap((column) => (column.isDefault ? [column.name] : [])),
      })
      const settings = `set search_path = report_gateway; set timezone = 'UTC'`
      const rows = await primary.run('psql', ['-qAt', '-c', settings, '-c', rendered.copyText.CSV])
      expect(text).toBe(rendered.header + rows)
    }
  })

  test('a run waits for a replica that is behind, and reads what its checks have seen', async () => {
    await addFact('first')
    const early = await createFactsRun(account)
    expect(await factsOf(account, early)).toEqual(['"first"'])
    await setReplay('pause')
    await addFact('second')
    const id = await createFactsRun(account)
    const slow = await createSlowRun(account.client)
    // The worker asks the replica again and again, and neither run reads it.
    const asked = async () =>
      (
        await standby.database.query<{ queries: string }>(
          `select count(*) as queries from pg_stat_activity where application_name = 'report-gateway reports' and query like '%isFresh%'`,
        )
      )[0]?.queries
    await expect.poll(asked).toBe('2')
    expect(await copiesOn(standby)).toEqual([])
    await setReplay('resume')
    expect(await factsOf(account, id)).toEqual(['"first"', '"second"'])
    expect((await endOf(account.client, slow)).status).toBe('SUCCEEDED')
  })

  test('a run survives that the replica dies and comes back', async () => {
    const id = await createSlowRun(account.client, { rows: '4', row_seconds: '0.5' })
    await expect.poll(() => copiesOn(standby)).toHaveLength(1)
    const ready = async () => {
      const response = await fetch(`${gateway.url}/ready`)
      const { replica }: { replica: string } = await response.json()
      return [response.status, replica]
    }
    await expect.poll(ready).toEqual([200, 'up'])
    await standby.stop()
    // Requests do not need the replica.
    await addFact('third')
    const later = await createFactsRun(account)
    await expect.poll(ready).toEqual([200, 'down'])
    await standby.start()
    expect(await endOf(account.client, id)).toMatchObject({ status: 'SUCCEEDED', result: { rowCount: '4' } })
    expect(await factsOf(account, later)).toContain('"third"')
    await expect.poll(ready).toEqual([200, 'up'])
  })

  test('a run starts again after a conflict with recovery', async () => {
    await primary.database.query('create table vacuumed as select n from generate_series(1, 1000) as n')
    const id = await createSlowRun(account.client, { rows: '6', row_seconds: '0.5' })
    await expect.poll(() => copiesOn(standby)).toHaveLength(1)
    await primary.database.query('delete from vacuumed')
    await primary.database.query('vacuum vacuumed')
    expect((await endOf(account.client, id)).status).toBe('SUCCEEDED')
    const warnings = gateway.logged.filter(({ runId, level }) => runId === id && level === 40)
    expect(warnings).toContainEqual(
      expect.objectContaining({ err: expect.objectContaining({ code: '40001' }) }),
    )
  })

  test('the start refuses what cannot be the replica, and waits for one that is down', async () => {
    const warnings: string[] = []
    const check = (url: string) =>
      checkReplica(url, primary.database.url, (message) => void warnings.push(message))
    await check(standby.database.url)
    expect(warnings).toEqual([])
    await check(primary.database.url)
    expect(warnings.splice(0)).toEqual([expect.stringMatching(/LEDGER_DATABASE_URL names, is not a standby/)])
    await expect(check(standby.urlOf({ database: 'postgres' }))).rejects.toThrow(
      /is not a copy of the database/,
    )
    await expect(check(standby.urlOf({ database: 'none' }))).rejects.toThrow(/"none" does not exist/)
    await primary.database.query(`create role reader login password 'not-secret'`)
    const reader = standby.urlOf({ user: 'reader' })
    const refusal = () =>
      check(reader).then(
        () => '',
        (error: Error) => error.message,
      )
    await expect.poll(refusal).toMatch(/grant select on all tables in schema report_gateway to reader/)
    await primary.database.query(`grant usage on schema report_gateway to reader`)
    await primary.database.query(`grant select on all tables in schema report_gateway to reader`)
    await expect.poll(refusal).toBe('')
    expect(warnings).toEqual([])
    await standby.stop()
    await check(standby.database.url)
    expect(warnings).toEqual([expect.stringMatching(/does not answer at the moment/)])
    expect(warnings.join()).not.toContain('not-secret')
    await standby.start()
  })

  // The last tests: they end the worker of the others, and the replica is none afterwards.
  test.each([
    ['stays behind', () => setReplay('pause'), () => setReplay('resume')],
    ['has left the history of the primary', () => standby.promote(), async () => {}],
  ])('a run fails, retryable, when the replica %s', async (_how, fault, repair) => {
    await gateway[Symbol.asyncDispose]()
    await using impatient = await startTestGateway({
      database: primary.database,
      dataDir,
      reportTypes: [facts],
      config: { replica: replicaOf(1), runAttempts: 2 },
    })
    await fault()
    const { client } = await impatient.createAccount()
    await addFact('late')
    const id = await createFactsRun({ ...account, client })
    expect((await endOf(client, id)).failure).toMatchObject({
      code: 'UPSTREAM_ERROR',
      isRetryable: true,
      message: 'The read replica is too far behind the primary. Try again later.',
    })
    await repair()
  })
})
