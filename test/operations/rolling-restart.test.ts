import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createClient as createSseClient } from 'graphql-sse'
import { createClient as createSocketClient } from 'graphql-ws'
import { expect, onTestFinished, test } from 'vitest'
import { createApiKey } from '../../src/auth/api-keys.ts'
import { idPrefixes, newId } from '../../src/ids.ts'
import { createPool, createPrisma } from '../../src/postgres/client.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { describeWith } from '../support/debian-tools.ts'
import { freePort } from '../support/free-port.ts'
import { type GatewayProcess, spawnGateway, testEntry } from '../support/gateway-process.ts'
import { createGraphqlClient } from '../support/graphql-client.ts'
import { type ProxyKind, startReverseProxy } from '../support/reverse-proxy.ts'

const restarts = 10
const drainSeconds = 2
const watchLog = 'subscription ($after: EventCursor) { reportRunEvents(after: $after) { cursor run { id } } }'
const create = `mutation ($key: String!) {
  createReportRun(input: { idempotencyKey: $key, report: { byName: { name: "test.slow.1" } } }) {
    reportRun { id } userErrors { message } } }`

type Event = { reportRunEvents: { cursor: string; run: { id: string } } }

async function createKey(database: TestDatabase): Promise<string> {
  const pool = createPool({ url: database.url, max: 1, applicationName: 'test', onError: () => {} })
  const prisma = createPrisma(pool)
  const accountId = newId(idPrefixes.account, new Date())
  await prisma.account.create({ data: { id: accountId, name: 'Test' } })
  const { secret } = await createApiKey(prisma, { accountId, livemode: false, name: 'Test key' })
  await prisma.$disconnect()
  await pool.end()
  return secret
}

/** Follows the log over both transports with the clients' own reconnection. */
function followLog(url: string, key: string, after: string) {
  const headers = { authorization: `Bearer ${key}` }
  const retry = { retryAttempts: 1_000, retryWait: () => delay(20), retry: () => delay(20) }
  const socket = createSocketClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    connectionParams: headers,
    ...retry,
  })
  const sse = createSseClient({ url: `${url}/graphql`, headers, ...retry })
  const faults: unknown[] = []
  const follow = (client: Pick<typeof socket, 'subscribe'>): string[] => {
    const told: string[] = []
    // The clients send these again when they reconnect.
    const variables = { after }
    client.subscribe<Event>(
      { query: watchLog, variables },
      {
        next: ({ data, errors }) => {
          if (!data) return void faults.push(errors)
          told.push(data.reportRunEvents.run.id)
          variables.after = data.reportRunEvents.cursor
        },
        error: (error) => faults.push(error),
        complete: () => faults.push('The stream was completed.'),
      },
    )
    return told
  }
  // The interfaces of the two libraries differ only in the types of what they throw.
  const logs = [socket, socket, sse, sse].map((client) => follow(client as typeof socket))
  onTestFinished(() => {
    void socket.dispose()
    sse.dispose()
  })
  return { logs, faults }
}

/** Sends queries and mutations until it is stopped. */
function load(url: string, key: string) {
  const client = createGraphqlClient(url, key)
  const failures: unknown[] = []
  const created: string[] = []
  let answered = 0
  let isStopped = false
  const repeat = async (send: () => Promise<void>): Promise<void> => {
    while (!isStopped) {
      await send().then(
        () => answered++,
        (error) => failures.push(error),
      )
      await delay(10)
    }
  }
  const query = async (): Promise<void> => void (await client.request('{ viewer { accountId } }'))
  const mutate = async (): Promise<void> => {
    const variables = { key: `${created.length} ${performance.now()}` }
    type Answer = { createReportRun: { reportRun: { id: string } } }
    created.push((await client.request<Answer>(create, variables)).createReportRun.reportRun.id)
  }
  const loops = [query, query, query, query, mutate, mutate].map(repeat)
  return {
    failures,
    created,
    answered: () => answered,
    stop: async () => {
      isStopped = true
      await Promise.all(loops)
    },
  }
}

async function serves(url: string): Promise<boolean> {
  const metrics = await (await fetch(`${url}/metrics`)).text()
  return /http_request_duration_seconds_count\{[^}]*route="\/graphql"[^}]*\} [1-9]/.test(metrics)
}

async function restartAll(kind: ProxyKind): Promise<void> {
  await using cleanup = new AsyncDisposableStack()
  const database = cleanup.use(await createTestDatabase())
  const dataDir = await mkdtemp(join(tmpdir(), 'report-gateway-restart-'))
  cleanup.defer(() => rm(dataDir, { recursive: true, force: true }))
  const ports = [await freePort(), await freePort()] as const
  const [first, second] = ports.map((port) => `http://127.0.0.1:${port}`)
  const spawn = (port: number): GatewayProcess =>
    cleanup.use(
      spawnGateway(
        {
          ROLE: 'gateway',
          PORT: String(port),
          DATABASE_URL: database.url,
          DATA_DIR: dataDir,
          DRAIN_SECONDS: String(drainSeconds),
        },
        testEntry,
      ),
    )
  /** Seconds that a process takes to stop. */
  const stop = async (process: GatewayProcess): Promise<number> => {
    const startedAt = performance.now()
    process.child.kill('SIGTERM')
    expect(await process.ended(), process.output()).toBe(0)
    return (performance.now() - startedAt) / 1000
  }
  const processes = ports.map(spawn)
  for (const process of processes) await process.ready()
  const proxy = cleanup.use(await startReverseProxy(kind, [first ?? '', second ?? '']))
  const key = await createKey(database)
  const { reportRuns } = await createGraphqlClient(proxy.url, key).request<{
    reportRuns: { eventCursor: string }
  }>('{ reportRuns(first: 1) { eventCursor } }')
  const { logs, faults } = followLog(proxy.url, key, reportRuns.eventCursor)
  const clients = load(proxy.url, key)
  cleanup.defer(clients.stop)
  await expect.poll(() => logs.every((log) => log.length > 0)).toBe(true)

  for (let count = 0; count < restarts; count++) {
    const [index, port] = count % 2 === 0 ? ([0, ports[0]] as const) : ([1, ports[1]] as const)
    const leaving = processes[index]
    if (!leaving) throw new Error('There is no process.')
    // The names in the file of ops.
    const down = join(proxy.down, String(4000 + index))
    await writeFile(down, '')
    expect(await stop(leaving)).toBeLessThan(drainSeconds + 1)
    const next = spawn(port)
    processes[index] = next
    const url = await next.ready()
    await rm(down)
    // The proxy uses it again.
    await expect.poll(() => serves(url)).toBe(true)
  }
  await clients.stop()
  expect(clients.failures).toEqual([])
  expect(clients.answered()).toBeGreaterThan(restarts * 20)
  const { created } = clients
  for (const log of logs) await expect.poll(() => new Set(log).size).toBe(created.length)
  for (const log of logs) expect([...log].sort()).toEqual([...created].sort())
  expect(faults).toEqual([])
}

describeWith(['nginx'], 'behind nginx', () => {
  test(
    `${restarts} restarts of two gateways in turn fail no request and lose no event`,
    () => restartAll('nginx'),
    400_000,
  )
})

describeWith(['haproxy'], 'behind HAProxy', () => {
  test(
    `${restarts} restarts of two gateways in turn fail no request and lose no event`,
    () => restartAll('haproxy'),
    400_000,
  )
})
