import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { expect, test, vi } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { spawnGateway } from '../support/gateway-process.ts'
import { createSlowRun, slowReport, startOf, watchQuery } from '../support/slow-report.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

/** Takes a lock that every query of runs waits for. Returns a function that releases it. */
async function lockRuns(database: TestDatabase): Promise<() => Promise<void>> {
  const holder = new pg.Client({ connectionString: database.url })
  // At the end its database is dropped while it is connected.
  holder.on('error', () => {})
  await holder.connect()
  await holder.query('begin')
  await holder.query('lock table report_gateway.report_runs in access exclusive mode')
  return () => holder.end()
}

async function isLockAwaited(database: TestDatabase): Promise<boolean> {
  const waiting = await database.query(
    "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  )
  return waiting.length > 0
}

type Answer = { status: number | undefined; connection: string | undefined; body: string }

/** Sends a query on a connection that the client would keep open. */
function ask(gateway: TestGateway, key: string, query: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      connection: 'keep-alive',
    }
    const sent = request(`${gateway.url}/graphql`, { method: 'POST', headers }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk) => {
        body += chunk
      })
      response.once('end', () =>
        resolve({ status: response.statusCode, connection: response.headers.connection, body }),
      )
    })
    sent.once('error', reject)
    sent.end(JSON.stringify({ query }))
  })
}

// Each test has its own gateway, and waits most of the time.
test.concurrent('readiness ends at once, and requests are served until the drain is over', async ({
  expect,
}) => {
  const gateway = await startTestGateway({ config: { drainSeconds: 2 } })
  const { key } = await gateway.createAccount()
  const before = performance.now()
  const closed = gateway[Symbol.asyncDispose]()
  const ready = await fetch(`${gateway.url}/ready`)
  expect(ready.status).toBe(503)
  expect(await ready.json()).toMatchObject({ status: 'stopping' })
  expect((await fetch(`${gateway.url}/health`)).status).toBe(200)
  expect((await ask(gateway, key, '{ viewer { accountId } }')).status).toBe(200)
  await closed
  expect(performance.now() - before).toBeGreaterThan(1_900)
  await expect(fetch(`${gateway.url}/health`)).rejects.toThrow()
})

test.concurrent('a request in flight is answered with Connection: close', async ({ expect }) => {
  const gateway = await startTestGateway({ config: { stopSeconds: 20 } })
  const { key } = await gateway.createAccount()
  const release = await lockRuns(gateway.database)
  const answer = ask(gateway, key, '{ reportRuns { totalCount } }')
  await vi.waitFor(async () => expect(await isLockAwaited(gateway.database)).toBe(true), 30_000)
  const closed = gateway[Symbol.asyncDispose]()
  await vi.waitFor(() => expect(fetch(`${gateway.url}/health`)).rejects.toThrow(), 30_000)
  await release()
  expect(await answer).toEqual({
    status: 200,
    connection: 'close',
    body: '{"data":{"reportRuns":{"totalCount":0}}}',
  })
  await closed
})

test.concurrent('an event stream ends at once without `complete`, and so does one that begins during the drain', async ({
  expect,
}) => {
  const gateway = await startTestGateway({
    // Longer than the test may take.
    config: { role: 'gateway', drainSeconds: 3, stopSeconds: 600 },
  })
  const { key } = await gateway.createAccount()
  const follow = (): Promise<Response> =>
    fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        accept: 'text/event-stream',
        'content-type': 'application/json',
      },
      body: JSON.stringify({ query: 'subscription { reportRunEvents { cursor } }' }),
    })
  const first = await follow()
  const closed = gateway[Symbol.asyncDispose]()
  expect(await first.text()).toMatch(/^:\n\n: The gateway is restarting\..*\nretry: \d+\n\n$/)
  // The drain is not over.
  const second = await follow()
  expect(second.status).toBe(200)
  expect(second.headers.get('connection')).toBe('close')
  expect(await second.text()).toMatch(/\nretry: \d+\n\n$/)
  await closed
})

test.concurrent('streams and hanging requests are cut off when their time is up', async ({ expect }) => {
  await using database = await createTestDatabase()
  const gateway = await startTestGateway({ database, config: { stopSeconds: 1 }, reportTypes: [slowReport] })
  const { key, client } = await gateway.createAccount()
  const id = await createSlowRun(client, { rows: '100000', row_seconds: '0.01' })
  await startOf(client, id)
  const stream = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      accept: 'text/event-stream',
      'content-type': 'application/json',
    },
    body: JSON.stringify({ query: watchQuery, variables: { id } }),
  })
  expect(stream.status).toBe(200)
  const streamed = stream.text().catch(() => 'cut off')
  const release = await lockRuns(database)
  const hanging = ask(gateway, key, '{ reportRuns { totalCount } }').catch(() => 'cut off')
  await vi.waitFor(async () => expect(await isLockAwaited(database)).toBe(true), 30_000)
  // Without a limit it would wait for the report, which takes a quarter of an hour, and for the lock.
  await gateway[Symbol.asyncDispose]()
  expect(await hanging).toBe('cut off')
  await streamed
  await release()
})

test.concurrent('a stop ends in time although the database does not answer', async () => {
  await using database = await createTestDatabase()
  await using proxy = await startTcpProxy(database.url)
  const gateway = await startTestGateway({
    database,
    config: { databaseUrl: proxy.through(database.url), stopSeconds: 1 },
  })
  await gateway.createAccount()
  proxy.swallow()
  // The database never answers: the test is that this returns.
  await gateway[Symbol.asyncDispose]()
})

test.concurrent('an idle process ends at once, however long it would wait for requests', async ({
  expect,
}) => {
  await using database = await createTestDatabase()
  const dataDir = await mkdtemp(join(tmpdir(), 'report-gateway-shutdown-'))
  await using _folder = { [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true, force: true }) }
  await using gateway = spawnGateway({
    DATABASE_URL: database.url,
    // Much longer than `ended` waits.
    STOP_SECONDS: '600',
    DATA_DIR: dataDir,
  })
  const url = await gateway.ready()
  // Leaves an idle connection open.
  expect((await fetch(`${url}/health`)).status).toBe(200)
  gateway.child.kill('SIGTERM')
  expect(await gateway.ended()).toBe(0)
})

/** Spawns a process on the database; it may never be ready. */
async function spawnOn(database: TestDatabase, environment: Record<string, string>) {
  const opening = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'report-gateway-shutdown-'))
  opening.defer(() => rm(dataDir, { recursive: true, force: true }))
  const gateway = spawnGateway({ DATABASE_URL: database.url, DATA_DIR: dataDir, ...environment })
  opening.use(gateway)
  return { gateway, [Symbol.asyncDispose]: () => opening.disposeAsync() }
}

test.each([
  // The lock of another process that migrates.
  ['that waits for another migration', 'select pg_advisory_lock(7203614871)', '600'],
  // A migration that has started cannot be aborted.
  ['whose migration hangs', 'lock table report_gateway._prisma_migrations', '1'],
])('a process that is asked to stop during a start %s ends in time', async (_name, lock, stopSeconds) => {
  await using database = await createTestDatabase()
  const holder = new pg.Client({ connectionString: database.url })
  // At the end its database is dropped while it is connected.
  holder.on('error', () => {})
  await holder.connect()
  await holder.query('begin')
  await holder.query(lock)
  await using spawned = await spawnOn(database, { STOP_SECONDS: stopSeconds })
  const { gateway } = spawned
  await vi.waitFor(async () => expect(await isLockAwaited(database)).toBe(true), 20_000)
  gateway.child.kill('SIGTERM')
  // The lock is held until after this.
  expect(await gateway.ended()).toBe(0)
  await holder.end()
})

test('a second SIGTERM ends the process at once', async () => {
  await using database = await createTestDatabase()
  await using spawned = await spawnOn(database, { DRAIN_SECONDS: '600' })
  const { gateway } = spawned
  await gateway.ready()
  gateway.child.kill('SIGTERM')
  await vi.waitFor(() => expect(gateway.output()).toContain('Stopping'), 30_000)
  gateway.child.kill('SIGTERM')
  expect(await gateway.ended()).toBe(130)
})
