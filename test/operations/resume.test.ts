import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { ApolloClient } from '@apollo/client'
import { ApolloLink, gql, HttpLink, InMemoryCache, ApolloClient as PlainApollo } from '@apollo/client'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'
import { type Client, fetchExchange, Client as PlainUrql } from '@urql/core'
import { persistedExchange } from '@urql/exchange-persisted'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type DocumentedPrograms, writeDocumentedPrograms } from '../support/documented-programs.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { type GatewayProcess, spawnGateway } from '../support/gateway-process.ts'

/** How long no gateway is at the address of the clients: first nothing listens, then a proxy answers. */
const absenceMilliseconds = 10_000

type RunEvent = { cursor: string }
type Follow<Result> = (
  url: string,
  key: string,
  after: string | null,
  handle: (event: RunEvent) => void,
) => Result

let programs: DocumentedPrograms
/** Stays, and creates the events. */
let witness: TestGateway
let account: TestAccount
/** The gateway that the clients use. */
let gateway: GatewayProcess
let url: string
beforeAll(async () => {
  programs = await writeDocumentedPrograms()
  witness = await startTestGateway({ config: { role: 'gateway' } })
  account = await witness.createAccount()
  gateway = start('0')
  url = `${await gateway.ready()}/graphql`
})
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]()
  await witness?.[Symbol.asyncDispose]()
  await programs?.[Symbol.asyncDispose]()
})

function start(port: string): GatewayProcess {
  const { database, dataDir } = witness
  return spawnGateway({ DATABASE_URL: database.url, DATA_DIR: dataDir, ROLE: 'gateway', PORT: port })
}

/** Each run that waits for its data is one event in the log. */
async function createRuns(count: number): Promise<void> {
  const input = {
    report: { balanceSummary1: { interval: { relative: 'PREVIOUS_MONTH' } } },
    waitForData: true,
  }
  const mutation =
    'mutation ($input: CreateReportRunInput!) { createReportRun(input: $input) { reportRun { id } } }'
  for (let i = 0; i < count; i++) await account.client.request(mutation, { input })
}

async function cursorsInLog(): Promise<string[]> {
  const { reportRunEvents } = await account.client.request<{ reportRunEvents: { edges: RunEvent[] } }>(
    '{ reportRunEvents(first: 500) { edges { cursor } } }',
  )
  return reportRunEvents.edges.map(({ cursor }) => cursor)
}

const subscription = gql`
  subscription ($after: EventCursor) {
    reportRunEvents(after: $after) {
      cursor
      run { id status }
    }
  }
`
type Events = { reportRunEvents: RunEvent }

/** Follows events with each client of the documentation. `failed` rejects when the client gives up. */
const clients: Record<string, Follow<Promise<{ stop: () => void; failed: Promise<unknown> }>>> = {
  'graphql-ws': async (...parameters) => {
    const { followEvents } = await programs.load<{ followEvents: Follow<Promise<void>> }>(
      'follow-over-websocket.ts',
    )
    return { stop: () => {}, failed: followEvents(...parameters) }
  },
  'graphql-sse': async (...parameters) => {
    const { followEvents } = await programs.load<{ followEvents: Follow<Promise<void>> }>(
      'follow-over-sse.ts',
    )
    return { stop: () => {}, failed: followEvents(...parameters) }
  },
  EventSource: async (...parameters) => {
    const { followEvents } = await programs.load<{ followEvents: Follow<() => void> }>(
      'follow-by-event-source.ts',
    )
    return { stop: followEvents(...parameters), failed: new Promise(() => {}) }
  },
  'Apollo Client': async (address, key, after, handle) => {
    const { createApollo } = await programs.load<{
      createApollo: (url: string, key: string) => ApolloClient
    }>('apollo.ts')
    const { promise: failed, reject } = Promise.withResolvers()
    const subscribed = createApollo(address, key)
      .subscribe<Events>({ query: subscription, variables: { after } })
      .subscribe({
        next: ({ data, error }) => (data ? handle(data.reportRunEvents) : reject(error)),
        error: reject,
      })
    return { stop: () => subscribed.unsubscribe(), failed }
  },
  urql: async (address, key, after, handle) => {
    const { createUrql } = await programs.load<{ createUrql: (url: string, key: string) => Client }>(
      'urql.ts',
    )
    const { promise: failed, reject } = Promise.withResolvers()
    const { unsubscribe } = createUrql(address, key)
      .subscription<Events>(subscription, { after })
      .subscribe(({ data, error }) => (data && !error ? handle(data.reportRunEvents) : reject(error)))
    return { stop: unsubscribe, failed }
  },
}

test('the programs of the documentation have no type errors', async () => {
  const compilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    module: 'nodenext',
    target: 'es2024',
    lib: ['es2024', 'dom', 'dom.iterable', 'esnext.disposable'],
    allowImportingTsExtensions: true,
    types: ['node'],
  }
  const files = [
    'apollo.ts',
    'codegen.ts',
    'follow-by-event-source.ts',
    'follow-over-sse.ts',
    'follow-over-websocket.ts',
    'urql.ts',
  ]
  await writeFile(join(programs.folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  const compiler = join(import.meta.dirname, '../../node_modules/.bin/tsc')
  const { stdout } = await promisify(execFile)(compiler, ['-p', programs.folder]).catch((error) => error)
  expect(stdout).toBe('')
})

/** Answers like a proxy without a gateway, for half of the absence. */
async function answerAsProxy(port: number): Promise<void> {
  const proxy = createServer((_request, response) => void response.writeHead(502).end())
  await once(proxy.listen(port, '127.0.0.1'), 'listening')
  await delay(absenceMilliseconds / 2)
  proxy.closeAllConnections()
  await new Promise((resolve) => proxy.close(resolve))
}

test('every client receives each event once, across a killed gateway that is away for 10 s', async () => {
  await createRuns(2)
  const [, after = null] = await cursorsInLog()
  const received = new Map<string, string[]>()
  const opened = await Promise.all(
    Object.entries(clients).map(async ([name, follow]) => {
      const cursors: string[] = []
      received.set(name, cursors)
      return follow(url, account.key, after, ({ cursor }) => void cursors.push(cursor))
    }),
  )
  const failures: unknown[] = []
  for (const { failed } of opened) void failed.catch((error: unknown) => void failures.push(error))
  const expectAll = async (): Promise<void> => {
    const expected = (await cursorsInLog()).slice(2)
    await vi.waitFor(
      () =>
        expect(Object.fromEntries(received)).toEqual(
          Object.fromEntries(Object.keys(clients).map((name) => [name, expected])),
        ),
      { timeout: 60_000, interval: 100 },
    )
  }
  await createRuns(3)
  await expectAll()

  gateway.child.kill('SIGKILL')
  await once(gateway.child, 'exit')
  await createRuns(3)
  await delay(absenceMilliseconds / 2)
  await answerAsProxy(Number(new URL(url).port))
  gateway = start(new URL(url).port)
  await gateway.ready()
  await createRuns(2)
  await expectAll()
  // An event that arrived twice would have come before these.
  await createRuns(1)
  await expectAll()
  expect(failures).toEqual([])
  for (const { stop } of opened) stop()
})

describe('a wrong key', () => {
  test.each(['graphql-ws', 'graphql-sse', 'Apollo Client', 'urql'])('ends %s', async (name) => {
    const opened = await clients[name]?.(url, 'sk_test_wrong', null, () => {})
    await expect(opened?.failed).rejects.toBeDefined()
    opened?.stop()
  })
})

describe('a client for persisted queries sends the document', () => {
  const query = gql`{ viewer { accountId } }`
  const headers = (): Record<string, string> => ({ authorization: `Bearer ${account.key}` })
  const sha256 = async (): Promise<string> => 'x'.repeat(64)

  test.each([false, true])('Apollo Client, with GET: %s', async (useGETForHashedQueries) => {
    const link = ApolloLink.from([
      new PersistedQueryLink({ sha256, useGETForHashedQueries }),
      new HttpLink({ uri: url, headers: headers() }),
    ])
    const { data } = await new PlainApollo({ link, cache: new InMemoryCache() }).query({ query })
    expect(data).toMatchObject({ viewer: { accountId: account.accountId } })
  })

  test.each([false, true])('urql, with GET: %s', async (isGet) => {
    const client = new PlainUrql({
      url,
      preferGetMethod: false,
      fetchOptions: { headers: headers() },
      exchanges: [
        persistedExchange({ preferGetForPersistedQueries: isGet, generateHash: sha256 }),
        fetchExchange,
      ],
    })
    const { data, error } = await client.query(query, {}).toPromise()
    expect([error, data]).toMatchObject([undefined, { viewer: { accountId: account.accountId } }])
  })
})
