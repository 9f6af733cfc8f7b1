import { expect, test, vi } from 'vitest'
import { createPool } from '../../src/postgres/client.ts'
import { startQueue } from '../../src/postgres/queue.ts'
import { createChecks, createReadiness } from '../../src/server/readiness.ts'
import { createTestDatabase } from '../support/database.ts'
import { startTestGateway } from '../support/gateway.ts'
import { exchange } from '../support/raw-http.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

type Ready = { status: string; checks: Record<string, string> }

async function askReady(url: string): Promise<{ code: number; body: Ready }> {
  const response = await fetch(`${url}/ready`)
  return { code: response.status, body: await response.json() }
}

async function up(): Promise<void> {}

/** The clocks of this machine and of its Postgres are one. */
const anyNumber: unknown = expect.any(Number)

const clock = { skewMilliseconds: () => -7 }

function all(state: string) {
  return { database: state, queue: state, wakeUp: state, storage: state }
}

test('a gateway that serves is alive and ready, even for a probe that uses its IP address', async () => {
  await using gateway = await startTestGateway()
  const health = await fetch(`${gateway.url}/health`)
  expect([health.status, await health.json()]).toEqual([200, { status: 'alive' }])
  expect(await askReady(gateway.url)).toEqual({
    code: 200,
    body: { status: 'ready', checks: all('up'), clockSkewMilliseconds: anyNumber },
  })
  for (const path of ['health', 'ready', 'metrics']) {
    const request = `GET /${path} HTTP/1.1\r\nHost: 10.0.0.5:4000\r\nConnection: close\r\n\r\n`
    expect(await exchange(gateway.url, request)).toMatch(/^HTTP\/1\.1 200 /)
    const refused = await fetch(`${gateway.url}/${path}`, { method: 'POST' })
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  }
})

test('a gateway whose database does not answer becomes unavailable before a statement fails, stays alive, and recovers', async () => {
  await using database = await createTestDatabase()
  await using proxy = await startTcpProxy(database.url)
  await using gateway = await startTestGateway({
    config: { databaseUrl: proxy.through(database.url), stopSeconds: 0 },
  })
  expect((await askReady(gateway.url)).code).toBe(200)

  proxy.swallow()
  await vi.waitFor(
    async () => {
      const { code, body } = await askReady(gateway.url)
      expect(code).toBe(503)
      expect(body).toMatchObject({ status: 'unavailable', checks: { database: 'down', queue: 'down' } })
    },
    { timeout: 30_000 },
  )
  // A statement has 30 seconds.
  await fetch(`${gateway.url}/ready`, { signal: AbortSignal.timeout(20_000) })
  // A heartbeat checks the wake-up connection every three seconds and waits three for the answer.
  await vi.waitFor(
    async () => expect((await askReady(gateway.url)).body.checks).toEqual({ ...all('down'), storage: 'up' }),
    { timeout: 30_000 },
  )
  expect((await fetch(`${gateway.url}/health`)).status).toBe(200)

  proxy.restore()
  await vi.waitFor(
    async () =>
      expect((await askReady(gateway.url)).body).toEqual({
        status: 'ready',
        checks: all('up'),
        clockSkewMilliseconds: anyNumber,
      }),
    { timeout: 30_000 },
  )
})

test('a queue that does not answer is detected even when the database answers', async () => {
  await using database = await createTestDatabase()
  await using proxy = await startTcpProxy(database.url)
  const pool = createPool({ url: database.url, max: 1, applicationName: 'test', onError: () => {} })
  await using _pool = { [Symbol.asyncDispose]: () => pool.end() }
  const url = proxy.through(database.url)
  const queue = await startQueue({ url, isWorker: false, onError: () => {} })
  const readiness = createReadiness({ limitMilliseconds: 2_000, cacheMilliseconds: 0 })
  readiness.serve(createChecks(pool, queue, { isConnected: () => true }, { check: up }), clock)
  expect(await readiness.ask()).toEqual({ status: 'ready', checks: all('up'), clockSkewMilliseconds: -7 })
  proxy.swallow()
  expect((await readiness.ask()).checks).toEqual({ ...all('up'), queue: 'down' })
  proxy.restore()
  proxy.cut()
  await queue.stop()
})

test('concurrent probes share one check, whose answer is cached', async () => {
  let asked = 0
  const answers = Promise.withResolvers<void>()
  const readiness = createReadiness({ limitMilliseconds: 60_000, cacheMilliseconds: 60_000 })
  expect(await readiness.ask()).toEqual({
    status: 'starting',
    checks: all('down'),
    clockSkewMilliseconds: null,
  })
  readiness.serve(
    {
      database: async () => {
        asked++
        await answers.promise
      },
      queue: up,
      wakeUp: up,
      storage: up,
    },
    clock,
  )
  const probes = Array.from({ length: 50 }, () => readiness.ask())
  answers.resolve()
  for (const answer of await Promise.all(probes)) expect(answer.status).toBe('ready')
  await readiness.ask()
  expect(asked).toBe(1)
})

test('a check runs again when its answer expires, and a check that fails or is late is down', async () => {
  let isUp = true
  const readiness = createReadiness({ limitMilliseconds: 20, cacheMilliseconds: 0 })
  readiness.serve(
    {
      database: async () => {
        if (!isUp) throw new Error('secret')
      },
      queue: () => (isUp ? Promise.resolve() : new Promise(() => {})),
      wakeUp: up,
      storage: up,
    },
    clock,
  )
  expect(await readiness.ask()).toEqual({ status: 'ready', checks: all('up'), clockSkewMilliseconds: -7 })
  isUp = false
  await vi.waitFor(async () =>
    expect(await readiness.ask()).toEqual({
      status: 'unavailable',
      checks: { ...all('up'), database: 'down', queue: 'down' },
      clockSkewMilliseconds: -7,
    }),
  )
  isUp = true
  readiness.stop()
  expect((await readiness.ask()).status).toBe('stopping')
})

test('a replica that is down is shown, and leaves the process ready', async () => {
  const readiness = createReadiness({ limitMilliseconds: 20, cacheMilliseconds: 0 })
  const checks = { database: up, queue: up, wakeUp: up, storage: up }
  readiness.serve(checks, clock, () => Promise.reject(new Error('gone')))
  expect(await readiness.ask()).toEqual({
    status: 'ready',
    checks: all('up'),
    replica: 'down',
    clockSkewMilliseconds: -7,
  })
})
