import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { GRAPHQL_TRANSPORT_WS_PROTOCOL, MessageType } from 'graphql-ws'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { createApiKey } from '../../src/auth/api-keys.ts'
import { idPrefixes, newId } from '../../src/ids.ts'
import { createPool, createPrisma, type Prisma } from '../../src/postgres/client.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { spawnGateway, testEntry } from '../support/gateway-process.ts'
import { insertRun } from '../support/insert-run.ts'

const heavyRuns = 100_000
const events = 100_000
const idleMilliseconds = 2_000
const busyMilliseconds = 6_000
/** The limit of how much slower requests of others may be; they are tens of times slower where accounts do not take turns. */
const maxRatio = 6
/** The tests beside these can take the processors from a part of a measurement; where turns are not taken, both attempts fail. */
const measured = { retry: 1 }

type Account = { accountId: string; livemode: boolean; apiKeyId: string; key: string }
type Answer = {
  milliseconds: number
  status: number
  code: string | undefined
  data: Record<string, unknown>
}

const cleanup = new AsyncDisposableStack()
let database: TestDatabase
let prisma: Prisma
let url: string
let heavy: Account
let light: Account

async function createAccount(): Promise<Account> {
  const accountId = newId(idPrefixes.account, new Date())
  await prisma.account.create({ data: { id: accountId, name: 'Test' } })
  const { apiKey, secret } = await createApiKey(prisma, { accountId, livemode: false, name: 'Test key' })
  return { accountId, livemode: false, apiKeyId: apiKey.id, key: secret }
}

/** Inserts runs that have succeeded, and a log that names them in turns. */
async function fillAccount({ accountId, apiKeyId }: Account): Promise<void> {
  await database.query(
    `insert into report_runs (id, account_id, livemode, report_type, parameters, formats, compression, tags, metadata,
      status, requested_by_id, created_at, finished_at, row_count, byte_size, run_milliseconds)
    select '${idPrefixes.reportRun}_' || lpad(n::text, 25, '0'), $1, false, 'balance.summary.1', '{}', '{CSV}', 'NONE', array['t' || n % 50],
      '{}', 'SUCCEEDED', $2, now(), now() + n * interval '1 ms', 5, n * 7 % 100000, n * 13 % 100000
    from generate_series(1, $3::integer) as n`,
    [accountId, apiKeyId, heavyRuns],
  )
  await database.query(
    `insert into event_log_heads (account_id, livemode, position) values ($1, false, $2)`,
    [accountId, events],
  )
  await database.query(
    `insert into report_run_events
      (account_id, livemode, position, run_id, run_version, kind, from_status, to_status, occurred_at)
    select $1, false, n, '${idPrefixes.reportRun}_' || lpad((1 + n % 1000)::text, 25, '0'), 1, 'STATUS_CHANGED', 'RUNNING', 'RUNNING', now()
    from generate_series(1, $2::integer) as n`,
    [accountId, events],
  )
  await database.query('analyze')
}

beforeAll(async () => {
  database = cleanup.use(await createTestDatabase())
  const dataDir = await mkdtemp(join(tmpdir(), 'report-gateway-test-'))
  cleanup.defer(() => rm(dataDir, { recursive: true, force: true }))
  const gateway = cleanup.use(
    spawnGateway(
      { DATABASE_URL: database.url, DATA_DIR: dataDir, ROLE: 'gateway', LOG_LEVEL: 'silent' },
      testEntry,
    ),
  )
  url = await gateway.ready()
  const pool = createPool({ url: database.url, max: 2, applicationName: 'test', onError: () => {} })
  cleanup.defer(() => pool.end())
  prisma = createPrisma(pool)
  cleanup.defer(() => prisma.$disconnect())
  heavy = await createAccount()
  light = await createAccount()
  await fillAccount(heavy)
  for (let index = 0; index < 40; index++) await insertRun(prisma, light, { status: 'SUCCEEDED' })
  for (let index = 0; index < 50; index++) await ask(light, lightQuery)
})

afterAll(() => cleanup.disposeAsync())

const lightQuery = '{ reportRuns(first: 20) { nodes { id status } } }'

async function ask({ key }: Account, query: string): Promise<Answer> {
  const start = performance.now()
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  })
  const { data, errors } = await response.json()
  const milliseconds = performance.now() - start
  return { milliseconds, status: response.status, code: errors?.[0]?.extensions?.code, data }
}

/** The times of the light account's requests until the work ends, in order of time; all must succeed. */
async function timeLight(work: Promise<unknown>): Promise<number[]> {
  let isDone = false
  const ended = work.finally(() => {
    isDone = true
  })
  // It is awaited after the loop.
  ended.catch(() => {})
  const times: number[] = []
  const probes: number[] = []
  while (!isDone) {
    const { milliseconds, status, code } = await ask(light, lightQuery)
    expect([status, code]).toEqual([200, undefined])
    times.push(milliseconds)
    if (times.length % 20 === 0) probes.push((await fetch(`${url}/ready`)).status)
    await delay(5)
  }
  await ended
  expect(probes.filter((status) => status !== 200)).toEqual([])
  return times.sort((a, b) => a - b)
}

/** @param share of the times that are at most as long as the returned one */
function percentile(times: readonly number[], share: number): number {
  return times[Math.floor(times.length * share)] ?? Number.NaN
}

/** Runs the work of the heavy account, and expects the requests of the light one to be little slower than before. */
async function expectFairness(start: () => Promise<unknown>, share = 0.9): Promise<void> {
  const idle = await timeLight(delay(idleMilliseconds))
  const busy = await timeLight(start())
  expect(percentile(busy, share) / percentile(idle, share)).toBeLessThan(maxRatio)
}

async function repeat(work: () => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = []
  const end = performance.now() + busyMilliseconds
  while (performance.now() < end) answers.push(await work())
  return answers
}

/** The cursors of the first events of the heavy account. */
async function firstCursors(count: number): Promise<string[]> {
  const { data } = await ask(heavy, `{ reportRunEvents(first: ${count}) { nodes { cursor } } }`)
  const { nodes } = z.object({ nodes: z.array(z.object({ cursor: z.string() })) }).parse(data.reportRunEvents)
  return nodes.map(({ cursor }) => cursor)
}

/** Opens a socket with a subscription after each cursor; returns a count of received events. */
function subscribe({ key }: Account, cursors: readonly string[]) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, GRAPHQL_TRANSPORT_WS_PROTOCOL)
  let received = 0
  const send = (message: object): void => socket.send(JSON.stringify(message))
  socket.on('open', () =>
    send({ type: MessageType.ConnectionInit, payload: { authorization: `Bearer ${key}` } }),
  )
  socket.on('message', (data) => {
    const { type } = JSON.parse(String(data))
    if (type === MessageType.Next) received++
    if (type !== MessageType.ConnectionAck) return
    for (const [index, after] of cursors.entries()) {
      const query = `subscription { reportRunEvents(after: "${after}") { cursor run { id status label createdAt } } }`
      send({ id: String(index), type: MessageType.Subscribe, payload: { query } })
    }
  })
  return { received: () => received, [Symbol.dispose]: () => socket.terminate() }
}

test.each([
  ['the same position', (_index: number) => 0],
  ['different positions', (index: number) => index],
])(
  'subscriptions that read a long log from %s leave other accounts their share',
  measured,
  async (_what, positionOf) => {
    const followers = 200
    const cursors = await firstCursors(followers)
    using sockets = new DisposableStack()
    await expectFairness(async () => {
      const opened = [0, 1, 2, 3].map((socket) => {
        const indexes = Array.from({ length: followers / 4 }, (_, index) => (socket * followers) / 4 + index)
        return sockets.use(
          subscribe(
            heavy,
            indexes.map((index) => cursors[positionOf(index)] ?? ''),
          ),
        )
      })
      await delay(busyMilliseconds)
      expect(opened.some(({ received }) => received() > 0)).toBe(true)
    })
  },
)

test(
  'a thousand clients that subscribe at the same moment leave other accounts their share',
  measured,
  async () => {
    using sockets = new DisposableStack()
    const [first = ''] = await firstCursors(1)
    await expectFairness(async () => {
      const opened = Array.from({ length: 900 }, () => sockets.use(subscribe(heavy, [first])))
      await expect.poll(() => opened.every(({ received }) => received() > 0)).toBe(true)
    }, 0.5)
  },
)

const selection = 'orderBy: { field: BYTE_SIZE, direction: DESC }, filter: { anyTags: ["absent"] }'

test.each([
  ['many counts in one document', 1, manyLists('totalCount')],
  ['many lists with a filter in one document', 1, manyLists('nodes { id }')],
  ['many counts at once', 20, `{ reportRuns(first: 1, ${selection}) { totalCount } }`],
])('%s leave other accounts their share', measured, async (_what, clients, query) => {
  await expectFairness(async () => {
    const answers = await Promise.all(Array.from({ length: clients }, () => repeat(() => ask(heavy, query))))
    expect(answers.flat().filter(({ code }) => code !== undefined)).toEqual([])
  })
})

function manyLists(fields: string): string {
  const lists = Array.from(
    { length: 15 },
    (_, index) => `a${index}: reportRuns(first: 1, ${selection}) { ${fields} }`,
  )
  return `{ ${lists.join('\n')} }`
}

const payload = '{ reportRun { id } userErrors { message } }'
const errorsOnly = '{ userErrors { message } }'
const createWithKey = `createReportRun(input: { idempotencyKey: "burst", report: { byName: { name: "test.slow.1" } } }) ${payload}`

type Burst = {
  what: string
  status: 'PENDING' | 'SUCCEEDED' | 'FAILED'
  mutation: (id: string) => string
  /** The number of runs that the burst creates. Each answer contains one of them, if there are any. */
  created: number
}

const bursts: Burst[] = [
  {
    what: 'updates of one run',
    status: 'SUCCEEDED',
    mutation: (id) => `updateReportRun(input: { id: "${id}", label: "same" }) ${errorsOnly}`,
    created: 0,
  },
  {
    what: 'deletions of one run',
    status: 'SUCCEEDED',
    mutation: (id) => `deleteReportRun(input: { id: "${id}" }) ${errorsOnly}`,
    created: 0,
  },
  {
    what: 'cancellations of one run',
    status: 'PENDING',
    mutation: (id) => `cancelReportRun(input: { id: "${id}" }) ${errorsOnly}`,
    created: 0,
  },
  {
    what: 'retries of one run',
    status: 'FAILED',
    mutation: (id) => `retryReportRun(input: { id: "${id}" }) ${payload}`,
    created: 200,
  },
  { what: 'creations with one key', status: 'FAILED', mutation: () => createWithKey, created: 1 },
]

test.each(bursts)(
  '200 simultaneous $what are all answered, and others do not wait for them',
  measured,
  async ({ status: before, mutation, created }) => {
    const run = await insertRun(prisma, heavy, { reportType: 'test.slow.1', status: before })
    const countRuns = () => prisma.reportRun.count({ where: { accountId: heavy.accountId } })
    const runs = await countRuns()
    const startedAt = performance.now()
    const burst = Promise.all(
      Array.from({ length: 200 }, () => ask(heavy, `mutation { burst: ${mutation(run.id)} }`)),
    )
    const times = await timeLight(burst)
    // The burst is too short for a comparison with an idle gateway. Without turns, each request waits for most of it.
    expect(percentile(times, 0.5)).toBeLessThan((performance.now() - startedAt) / 4)
    const answers = await burst
    expect(answers.filter(({ status, code }) => status !== 200 || code !== undefined)).toEqual([])
    expect((await countRuns()) - runs).toBe(created)
    if (created > 0) expect(new Set(answers.map(({ data }) => createdRun.parse(data))).size).toBe(created)
  },
)

/** The ID of the run in the data of an answer. */
const createdRun = z
  .object({ burst: z.object({ reportRun: z.object({ id: z.string() }) }) })
  .transform(({ burst }) => burst.reportRun.id)

test('a page at any depth of any order costs about the same', measured, async () => {
  for (const [field, column] of [
    ['BYTE_SIZE', 'byte_size'],
    ['RUN_DURATION', 'run_milliseconds'],
  ]) {
    const [middle] = await database.query<{ id: string; value: string }>(
      `select id, ${column} as value from report_runs where account_id = $1 and erased_at is null
      order by ${column}, id offset ${heavyRuns / 2} limit 1`,
      [heavy.accountId],
    )
    const cursor = Buffer.from(JSON.stringify([field, middle?.id, middle?.value])).toString('base64url')
    const timeOf = async (after: string): Promise<number> => {
      const query = `{ reportRuns(first: 20${after}, orderBy: { field: ${field}, direction: ASC }) { nodes { id } } }`
      const times: number[] = []
      for (let index = 0; index < 15; index++) times.push((await ask(heavy, query)).milliseconds)
      return times.sort((a, b) => a - b)[7] ?? Number.NaN
    }
    const first = await timeOf('')
    expect((await timeOf(`, after: "${cursor}"`)) / first).toBeLessThan(maxRatio)
  }
})
