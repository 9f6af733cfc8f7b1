import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import fc from 'fast-check'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import type { GatewayServices } from '../../../src/graphql/context.ts'
import { schema } from '../../../src/graphql/schema.ts'
import { createGraphqlServer } from '../../../src/graphql/server.ts'
import { noMetrics } from '../../../src/metrics.ts'
import { noTracing } from '../../../src/tracing.ts'
import { accountKey, badRequests } from '../../support/bad-requests.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import { generateOperation, randomFrom } from '../../support/generated-operation.ts'
import { insertRun } from '../../support/insert-run.ts'
import { exchange } from '../../support/raw-http.ts'

const noShortcuts = {
  sharedEvents: false,
  keyCache: false,
  compiledOperations: false,
  shortRequestPath: false,
}
const options = { allowedOrigins: ['https://finance.example'], introspection: false }
const now = new Date('2026-09-01T00:00:00Z')

let gateway: TestGateway
let ordinary: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway({ config: options, now: () => now })
  ordinary = await startTestGateway({
    config: { ...options, shortcuts: noShortcuts, role: 'gateway', publicUrl: gateway.url },
    database: gateway.database,
    dataDir: gateway.dataDir,
    now: () => now,
  })
  account = await gateway.createAccount()
  for (const status of ['PENDING', 'FAILED', 'SUCCEEDED', 'CANCELED'] as const) {
    await insertRun(gateway.prisma, account, { status, tags: ['a'], label: `${status} "é" \u2028` })
  }
})
afterAll(async () => {
  await ordinary[Symbol.asyncDispose]()
  await gateway[Symbol.asyncDispose]()
})

type Sent = { method?: string; path?: string; headers?: Record<string, string>; body: string }

/** What a gateway answers, without what differs in each answer. */
async function answerOf(
  { url }: TestGateway,
  { method = 'POST', path = '/graphql', headers = {}, body }: Sent,
) {
  const given = {
    'Content-Type': 'application/json',
    'Content-Length': String(Buffer.byteLength(body)),
    Authorization: accountKey,
    ...headers,
  }
  const lines = Object.entries(given).map(
    ([name, value]) => `${name}: ${value.replace('KEY', account.key)}\r\n`,
  )
  const answer = await exchange(
    url,
    `${method} ${path} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n${lines.join('')}\r\n${body}`,
  )
  return answer.replace(/^Date: .*$/m, 'Date').replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g, 'UUID')
}

/** Compares the answers of both gateways, the second time with a document that both know. */
async function expectEqualAnswers(sent: Sent): Promise<string> {
  const expected = await answerOf(ordinary, sent)
  expect(await answerOf(gateway, sent)).toBe(expected)
  expect(await answerOf(gateway, sent)).toBe(expected)
  return expected
}

function bodyOf(query: string, variables?: unknown, more: object = {}): string {
  return JSON.stringify({ query, variables, ...more })
}

const list =
  'query List($n: Int) { reportRuns(first: $n) { nodes { id label status } pageInfo { endCursor } } }'

describe('an answer past Yoga is that of Yoga', () => {
  test('for generated queries', async () => {
    let answered = 0
    const property = fc.asyncProperty(fc.integer(), async (seed) => {
      const operation = generateOperation(schema, randomFrom(seed), 'query', { invalid: 0.01, maxDepth: 4 })
      const answer = await expectEqualAnswers({ body: JSON.stringify(operation) })
      if (answer.includes('{"data"')) answered++
    })
    await fc.assert(property, { numRuns: 25 })
    expect(answered).toBeGreaterThan(5)
  })

  test.each(
    badRequests.filter(({ request }) => request.method === 'POST' && typeof request.body === 'string'),
  )('for $what', async ({ path, request }) => {
    await expectEqualAnswers({ path, headers: request.headers, body: String(request.body) })
  })

  test.each([
    ['', { n: 2 }],
    ['*/*', { n: 1000 }],
    ['application/json', { n: 'x' }],
    ['application/json, text/plain, */*', {}],
    ['application/graphql-response+json', { n: 0 }],
    ['application/graphql-response+json, application/json', null],
    ['application/graphql-response+json,application/json;q=0.9', { n: 1000 }],
    [
      'application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed',
      { n: 3 },
    ],
    ['application/json, application/graphql-response+json', { n: 'x' }],
    [
      'multipart/mixed;deferSpec=20220824,application/graphql-response+json,application/json;q=0.9',
      { n: 'x' },
    ],
    ['text/event-stream', { n: 1 }],
    ['text/html', { n: 1 }],
    ['application/*;q=0.1', { n: -1 }],
  ])('for Accept: %s', async (accept, variables) => {
    await expectEqualAnswers({ headers: accept ? { Accept: accept } : {}, body: bodyOf(list, variables) })
  })

  test.each([
    [
      'an operation by name',
      bodyOf(`${list} query Other { viewer { __typename } }`, { n: 1 }, { operationName: 'List' }),
    ],
    ['an unknown operation', bodyOf(list, {}, { operationName: 'Unknown' })],
    ['an empty name', bodyOf(list, {}, { operationName: '' })],
    ['a name that is a number', bodyOf(list, {}, { operationName: 5 })],
    ['no name for several operations', bodyOf(`${list} query Other { viewer { __typename } }`, { n: 1 })],
    ['another member', bodyOf(list, {}, { other: 1 })],
    ['another member that is null', bodyOf(list, {}, { other: null })],
    ['extensions', bodyOf(list, {}, { extensions: { persistedQuery: { version: 1, sha256Hash: 'x' } } })],
    ['extensions that are a list', bodyOf(list, {}, { extensions: [] })],
    ['variables that are a list', bodyOf(list, [1])],
    ['variables that are text', bodyOf(list, '{"n":1}')],
    ['a byte order mark', `\ufeff${bodyOf(list, { n: 1 })}`],
    ['a member named __proto__', `{"__proto__":{"query":"{ a }"},"query":${JSON.stringify(list)}}`],
    ['a member twice', `{"query":"{ a }","query":${JSON.stringify(list)}}`],
    ['text after the object', `${bodyOf(list)} x`],
    ['a mutation', bodyOf('mutation { cancelReportRun(input: { id: "frr_x" }) { userErrors { message } } }')],
    [
      'too expensive variables',
      bodyOf(
        'query ($n: Int) { reportRuns(first: $n) { nodes { id events(first: 100) { nodes { cursor } } } } }',
        { n: 500 },
      ),
    ],
    ['a large body', bodyOf(list, { n: 1, pad: 'x'.repeat(70_000) })],
  ])('for %s', async (_what, body) => {
    await expectEqualAnswers({ body })
  })

  test.each<[string, Record<string, string>]>([
    ['no key', { Authorization: '' }],
    ['a wrong key', { Authorization: `Bearer sk_test_${'0'.repeat(77)}` }],
    ['a key in another form', { Authorization: 'Digest x' }],
    ['an allowed origin', { Origin: 'https://finance.example' }],
    ['another origin', { Origin: 'https://foreign.example' }],
    ['an ID', { 'X-Request-Id': 'request-1' }],
    ['a trace', { traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` }],
    ['an idempotency key', { 'Idempotency-Key': 'a' }],
    ['a last event', { 'Last-Event-ID': 'x' }],
    ['a charset', { 'Content-Type': 'application/json; charset=utf-8' }],
    ['another charset', { 'Content-Type': 'application/json; charset=latin1' }],
    ['capitals', { 'Content-Type': 'APPLICATION/JSON' }],
    ['a compressed body', { 'Content-Encoding': 'gzip' }],
    ['a wrong length', { 'Content-Length': '5' }],
    ['no length', { 'Content-Length': '0' }],
  ])('for a request with %s', async (_what, headers) => {
    await expectEqualAnswers({ headers, body: bodyOf(list, { n: 2 }) })
  })

  test('for a subscription that is not accepted', async () => {
    const body = bodyOf('subscription { reportRunEvents { __typename } }')
    await expectEqualAnswers({ headers: { Accept: 'application/json' }, body })
  })

  test('for a body in chunks', async () => {
    const body = bodyOf(list, { n: 2 })
    const chunks = `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`
    const request = (key: string) =>
      `POST /graphql HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nContent-Type: application/json\r\nAuthorization: Bearer ${key}\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`
    const answers = await Promise.all(
      [gateway, ordinary].map(
        async ({ url }) => (await exchange(url, request(account.key))).split('\r\n\r\n')[1],
      ),
    )
    expect(answers[0]).toContain('"nodes":[{')
    expect(answers[0]).toBe(answers[1])
  })

  test('for requests one after the other on a connection', async () => {
    const body = bodyOf(list, { n: 1 })
    const request = `POST /graphql HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\nAuthorization: Bearer ${account.key}\r\nContent-Length: ${body.length}\r\n`
    const unknown = bodyOf(`${list} # ${'x'.repeat(5)}`, { n: 1 })
    const last = request.replace(/Length: \d+/, `Length: ${unknown.length}`)
    const answer = await exchange(
      gateway.url,
      `${request}\r\n${body}${request}\r\n${body}${last}Connection: close\r\n\r\n${unknown}`,
    )
    expect(answer.match(/"nodes":\[\{/g)).toHaveLength(3)
  })
})

test('metrics, the log and the operation name are those of Yoga', async () => {
  const count = async ({ url }: TestGateway): Promise<string | undefined> =>
    /^report_gateway_graphql_operations_total\{kind="query",outcome="ok"\} (\d+)$/m.exec(
      await (await fetch(`${url}/metrics`)).text(),
    )?.[1]
  const before = [await count(gateway), await count(ordinary)].map(Number)
  const headers = { 'X-Request-Id': 'logged-1' }
  await expectEqualAnswers({ headers, body: bodyOf(list, { n: 1 }) })
  const after = [await count(gateway), await count(ordinary)].map(Number)
  expect(after.map((value, index) => value - (before[index] ?? 0))).toEqual([2, 1])
  const lines = [gateway, ordinary].map(({ logged }) =>
    logged.filter((line) => line.requestId === 'logged-1'),
  )
  const operations = lines.map((logged) =>
    logged.map(({ operation, accountId, status }) => ({ operation, accountId, status })),
  )
  const expected = { operation: 'query List', accountId: account.accountId, status: 200 }
  expect(operations).toEqual([[expected, expected], [expected]])
})

test('a client that disconnects in the middle of a body is logged as with Yoga', async () => {
  const body = bodyOf(list, { n: 1 })
  await expectEqualAnswers({ body })
  const lines = [gateway, ordinary].map(async ({ url, logged }) => {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    const head = `POST /graphql HTTP/1.1\r\nHost: gateway\r\nX-Request-Id: cut-1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
    await new Promise((resolve) => socket.write(head + body.slice(0, 20), resolve))
    socket.destroy()
    return vi.waitFor(() => {
      const found = logged.filter(({ requestId }) => requestId === 'cut-1')
      expect(found).toHaveLength(1)
      return found.map(({ status, isCutOff, msg }) => ({ status, isCutOff, msg }))
    }, 30_000)
  })
  const [short, yoga] = await Promise.all(lines)
  expect(short).toEqual(yoga)
  await expectEqualAnswers({ body })
})

test('a request skips Yoga when Yoga has seen its document', async () => {
  const config = loadConfig({ DATABASE_URL: 'postgres://unused' })
  // A cast, because a request without a key for a type name uses no other service.
  const services = {
    metrics: noMetrics,
    tracing: noTracing,
    logger: pino({ level: 'silent' }),
  } as GatewayServices
  const { yoga, shortPath } = createGraphqlServer(services, config, null)
  const skipped: (boolean | undefined)[] = []
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const isAnswered = await shortPath?.(request, response)
    skipped.push(isAnswered)
    if (!isAnswered) await yoga(request, response, { gone: new AbortController().signal })
  }
  const server = createServer((request, response) => void serve(request, response))
  onTestFinished(() => void server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  // A cast, because a server that listens on TCP has an address of this form.
  const { port } = server.address() as AddressInfo
  const ask = async (query: string, accept = '*/*'): Promise<unknown> => {
    const headers = { 'content-type': 'application/json', accept }
    const body = JSON.stringify({ query })
    return (await fetch(`http://127.0.0.1:${port}/graphql`, { method: 'POST', headers, body })).json()
  }
  const data = { __typename: 'Query' }
  expect([await ask('{ __typename }'), await ask('{ __typename }')]).toEqual([{ data }, { data }])
  await ask('{ unknown }')
  await ask('{ unknown }')
  await ask('{ __typename }', 'application/json;q=0.5')
  expect(skipped).toEqual([false, true, false, false, false])
})
