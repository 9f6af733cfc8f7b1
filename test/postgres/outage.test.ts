import { expect, test, vi } from 'vitest'
import { noMetrics } from '../../src/metrics.ts'
import { createPool } from '../../src/postgres/client.ts'
import { startWakeUp } from '../../src/postgres/notify.ts'
import { isOutage } from '../../src/postgres/outage.ts'
import { type Answer, ask, isReady } from '../support/ask.ts'
import { createTestDatabase } from '../support/database.ts'
import { startTestGateway } from '../support/gateway.ts'
import { startOwnPostgres } from '../support/own-postgres.ts'
import { openRunParts } from '../support/run-parts.ts'
import { createSlowRun, endOf, slowReport, startOf } from '../support/slow-report.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

/** Twenty clients that send requests continuously. */
function startLoad(askOnce: () => Promise<Answer>) {
  const answers: Answer[] = []
  let isStopped = false
  const clients = Promise.all(
    Array.from({ length: 20 }, async () => {
      while (!isStopped) answers.push(await askOnce())
    }),
  )
  const stop = async (): Promise<void> => {
    isStopped = true
    await clients
  }
  return { answers, stop, [Symbol.asyncDispose]: stop }
}

const listRuns = '{ reportRuns { totalCount nodes { id status } } }'

test('when Postgres stops and starts again under load, clients are asked to retry, and nothing is lost', async () => {
  await using own = await startOwnPostgres()
  await using gateway = await startTestGateway({ database: own.database, reportTypes: [slowReport] })
  const { url } = gateway
  const account = await gateway.createAccount()
  const done = await createSlowRun(account.client)
  const link = (await endOf(account.client, done)).result?.files[0]?.download.url ?? ''
  const running = await createSlowRun(account.client, { rows: '400', row_seconds: '0.01' })
  await startOf(account.client, running)
  const waiting = await createSlowRun(account.client)

  await using load = startLoad(() => ask(url, account, listRuns))
  const { answers } = load
  await vi.waitFor(() => expect(answers.length).toBeGreaterThan(50), { timeout: 30_000 })
  await own.stop()
  await vi.waitFor(async () => expect(await isReady(url)).toBe(false), { timeout: 30_000 })
  const failed = await ask(
    url,
    account,
    'mutation { cancelReportRun(input: { id: "frr_1" }) { userErrors { message } } }',
  )
  expect(failed).toMatchObject({ status: 503, code: 'UNAVAILABLE', retryAfter: '1' })
  expect(failed.message).toBe(
    'The database cannot be reached. Try again in a second; with an idempotencyKey, a repeated mutation has no second effect.',
  )
  const download = await fetch(link)
  expect([download.status, download.headers.get('retry-after')]).toEqual([503, '1'])
  expect((await fetch(`${url}/health`)).status).toBe(200)

  await own.start()
  await vi.waitFor(async () => expect(await isReady(url)).toBe(true), { timeout: 30_000 })
  await load.stop()
  const next = await createSlowRun(account.client)
  expect((await endOf(account.client, next)).status).toBe('SUCCEEDED')

  const unexpected = answers.filter(
    ({ status, code }) =>
      `${status} ${code}` !== '200 undefined' && `${status} ${code}` !== '503 UNAVAILABLE',
  )
  expect(unexpected).toEqual([])
  expect(answers.some(({ code }) => code === 'UNAVAILABLE')).toBe(true)
  // Acknowledged runs exist and end, including the run that lost its connection.
  for (const id of [running, waiting]) expect((await endOf(account.client, id)).status).toBe('SUCCEEDED')
  expect((await fetch(link)).status).toBe(200)
}, 90_000)

test('the heartbeat detects a wake-up connection that is open but dead, and it reconnects', async () => {
  await using parts = await openRunParts()
  await using proxy = await startTcpProxy(parts.database.url)
  let reconnects = 0
  const own = await startWakeUp(proxy.through(parts.database.url), parts.pool, parts.logger, {
    metrics: { wakeUpReconnected: () => reconnects++ },
    heartbeatMilliseconds: 30,
    limitMilliseconds: 1_000,
  })
  const woken: (string | null)[] = []
  own.onWake((who) => woken.push(who?.accountId ?? null))
  expect(own.isConnected()).toBe(true)

  proxy.swallow()
  await vi.waitFor(() => expect(own.isConnected()).toBe(false), 30_000)
  expect(woken).toEqual([])
  expect(parts.logged).toMatchObject([{ msg: 'The wake-up connection does not answer; reconnecting.' }])
  proxy.restore()
  // All logs must be read, because hints were lost.
  await vi.waitFor(() => expect(woken).toEqual([null]), 30_000)
  expect([own.isConnected(), reconnects]).toEqual([true, 1])
  own.notify(parts.owner)
  await vi.waitFor(() => expect(woken).toEqual([null, parts.owner.accountId]), 30_000)
  await own.stop()
})

test('a wake-up connection that is dead does not prevent the stop', async () => {
  await using parts = await openRunParts()
  await using proxy = await startTcpProxy(parts.database.url)
  const own = await startWakeUp(proxy.through(parts.database.url), parts.pool, parts.logger, {
    metrics: noMetrics,
    limitMilliseconds: 1_000,
  })
  proxy.swallow()
  // Its connection never answers: the test is that this returns.
  await own.stop()
})

test('a query on a pool connection that is open but dead fails in time, as an outage, and the connection is replaced', async () => {
  await using database = await createTestDatabase()
  await using proxy = await startTcpProxy(database.url)
  const pool = createPool({
    url: proxy.through(database.url),
    max: 1,
    applicationName: 'test',
    onError: () => {},
    connectMilliseconds: 5_000,
    statementMilliseconds: 500,
  })
  await using _pool = { [Symbol.asyncDispose]: () => pool.end() }
  await pool.query('select 1')
  proxy.swallow()
  const fault = await pool.query('select 1').catch((error: unknown) => error)
  expect(String(fault)).toBe('Error: Query read timeout')
  expect(isOutage(fault)).toBe(true)
  proxy.restore()
  expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
})

test('Postgres ends the long statements and idle transactions of requests', async () => {
  await using database = await createTestDatabase()
  const settings = { url: database.url, max: 1, applicationName: 'test', onError: () => {} }
  const limits =
    "select current_setting('statement_timeout') as statement, current_setting('idle_in_transaction_session_timeout') as idle"
  for (const [statementMilliseconds, expected] of [
    [30_000, { statement: '30s', idle: '5s' }],
    [undefined, { statement: '0', idle: '0' }],
  ] as const) {
    const pool = createPool({ ...settings, ...(statementMilliseconds && { statementMilliseconds }) })
    await using _pool = { [Symbol.asyncDispose]: () => pool.end() }
    expect((await pool.query(limits)).rows).toEqual([expected])
  }
})

test.each([
  ['a refused connection', Object.assign(new Error('x'), { code: 'ECONNREFUSED' })],
  ['all addresses refused', new AggregateError([Object.assign(new Error('x'), { code: 'ECONNREFUSED' })])],
  ['a shutdown', Object.assign(new Error('x'), { code: '57P01' })],
  ['a read-only database', Object.assign(new Error('x'), { code: '25006' })],
  ['a full disk', Object.assign(new Error('x'), { code: '53100' })],
  ['no connection left', Object.assign(new Error('x'), { code: '53300' })],
  ['a start', Object.assign(new Error('x'), { code: '57P03' })],
  ['a connection exception', Object.assign(new Error('x'), { code: '08006' })],
  ['an end', new Error('Connection terminated unexpectedly')],
  ['a full pool', new Error('timeout exceeded when trying to connect')],
  ['Prisma cannot connect', Object.assign(new Error('x'), { code: 'P1001' })],
  ['the adapter, by a cause', new Error('x', { cause: { kind: 'ConnectionClosed' } })],
  ['the adapter, by a code', { cause: { kind: 'postgres', originalCode: '57P02' } }],
  ['raw queries', { code: 'P2010', meta: { driverAdapterError: { cause: { originalCode: '57P01' } } } }],
])('%s is an outage', (_what, error) => {
  expect(isOutage(error)).toBe(true)
})

test.each([
  ['a unique violation', Object.assign(new Error('x'), { code: '23505' })],
  ['a canceled statement', Object.assign(new Error('x'), { code: '57014' })],
  ['a bug', new TypeError('Cannot read properties of undefined')],
  ['a missing row', Object.assign(new Error('x'), { code: 'P2025' })],
  ['nothing', null],
])('%s is not an outage', (_what, error) => {
  expect(isOutage(error)).toBe(false)
})
