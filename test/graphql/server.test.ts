import { serverAudits } from 'graphql-http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { insertRun } from '../support/insert-run.ts'
import { exchange } from '../support/raw-http.ts'

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway({ config: { allowedOrigins: ['https://finance.example'] } })
  account = await gateway.createAccount()
})
afterAll(() => gateway[Symbol.asyncDispose]())

const json = { 'content-type': 'application/json' }

function send(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${gateway.url}${path}`, { redirect: 'manual', ...init })
}

function post(body: string, headers: Record<string, string> = {}): Promise<Response> {
  return send('/graphql', { method: 'POST', headers: { ...json, ...headers }, body })
}

async function errorOf(response: Response): Promise<unknown> {
  return (await response.json()).errors[0]
}

describe('GraphQL over HTTP', () => {
  const audits = serverAudits({ url: () => `${gateway.url}/graphql` })

  test('has 61 audits', () => {
    expect(audits).toHaveLength(61)
  })

  test.each(audits.map(({ id, name, fn }) => ({ id, name, fn })))('$name ($id)', async ({ fn }) => {
    const result = await fn()
    expect(result).toMatchObject({ status: 'ok' })
  })

  test('a mutation by GET is rejected and not executed', async () => {
    const run = await insertRun(gateway.prisma, account)
    const query = encodeURIComponent(
      `mutation { cancelReportRun(input: { id: "${run.id}" }) { reportRun { id } } }`,
    )
    const response = await send(`/graphql?query=${query}`, {
      headers: { authorization: `Bearer ${account.key}` },
    })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('POST')
    const { status } = await gateway.prisma.reportRun.findUniqueOrThrow({ where: { id: run.id } })
    expect(status).toBe('PENDING')
  })

  test.each(['{"query": "{ view', '', 'null', '"{__typename}"', '5', '[{"query":"{__typename}"}]', '[]'])(
    'the body %j is rejected',
    async (body) => {
      const response = await post(body)
      expect(response.status).toBe(400)
      expect(await errorOf(response)).toMatchObject({ extensions: { code: 'BAD_REQUEST' } })
    },
  )

  test.each(['text/plain', 'application/xml', 'multipart/form-data; boundary=x'])(
    'a body of type %s is rejected',
    async (type) => {
      const response = await send('/graphql', {
        method: 'POST',
        headers: { 'content-type': type },
        body: '{"query":"{__typename}"}',
      })
      expect(response.status).toBe(415)
    },
  )

  test.each([
    'APPLICATION/JSON',
    'Application/Json; Charset=UTF-8',
    'application/json;charset="utf-8"',
    'application/json ; charset=utf-8; a=b',
  ])('a body of type %s is accepted', async (type) => {
    const response = await post('{"query":"{__typename}"}', { 'content-type': type })
    expect([response.status, await response.json()]).toEqual([200, { data: { __typename: 'Query' } }])
  })

  test.each([
    ['APPLICATION/JSON', 'application/json'],
    ['application/*', 'application/json'],
    ['*/*;q=0.1', 'application/json'],
    ['image/png, Application/GraphQL-Response+JSON;q=0.5', 'application/graphql-response+json'],
    ['TEXT/EVENT-STREAM', 'text/event-stream'],
  ])('accepting %s, the response is %s', async (accept, type) => {
    const response = await post('{"query":"{__typename}"}', { accept })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toContain(type)
    expect(await response.text()).toContain('{"data":{"__typename":"Query"}}')
  })

  test('a mutation whose response the client does not accept is not executed, and the error names what is sent', async () => {
    const run = await insertRun(gateway.prisma, account)
    const query = `mutation { cancelReportRun(input: { id: "${run.id}" }) { reportRun { id } } }`
    const response = await post(JSON.stringify({ query }), {
      authorization: `Bearer ${account.key}`,
      accept: 'image/png',
    })
    expect([response.status, response.headers.get('content-type')]).toEqual([
      406,
      'application/json; charset=utf-8',
    ])
    expect(await errorOf(response)).toEqual({
      message:
        'The gateway sends none of the media types in "Accept: image/png". Accept application/graphql-response+json or application/json, or text/event-stream for a subscription.',
      extensions: { code: 'NOT_ACCEPTABLE' },
    })
    const { status } = await gateway.prisma.reportRun.findUniqueOrThrow({ where: { id: run.id } })
    expect(status).toBe('PENDING')
  })

  test('a subscription that is not accepted as events gets the protocols for subscriptions', async () => {
    const body = JSON.stringify({ query: 'subscription { reportRunEvents { cursor } }' })
    const accept = 'multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json'
    const response = await post(body, { accept, authorization: `Bearer ${account.key}` })
    expect(await errorOf(response)).toMatchObject({
      message: expect.stringMatching(/text\/event-stream.*graphql-transport-ws/),
    })
  })

  test('a document that has its hash with it is executed', async () => {
    const extensions = { persistedQuery: { version: 1, sha256Hash: 'x' } }
    const response = await post(JSON.stringify({ query: '{__typename}', extensions }))
    expect(await response.json()).toEqual({ data: { __typename: 'Query' } })
  })

  describe('a body', () => {
    const bodyOf = (length: number): string =>
      JSON.stringify({ query: '{__typename}', extensions: { padding: 'x'.repeat(length) } })
    const mebibyte = 1024 * 1024

    test('of less than a mebibyte is accepted', async () => {
      expect((await post(bodyOf(mebibyte - 1000))).status).toBe(200)
    })

    test('of more than a mebibyte is rejected', async () => {
      const response = await post(bodyOf(mebibyte))
      expect(response.status).toBe(413)
      expect(await errorOf(response)).toEqual({
        message: 'Request body too large',
        extensions: { code: 'REQUEST_TOO_LARGE', limit: 'bytes', maximum: mebibyte, actual: null },
      })
    })

    const head =
      'POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n'
    const chunked = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`

    test.each([
      ['of less, without a Content-Length, is accepted', 1000, 200],
      ['of more, without a Content-Length, is rejected', mebibyte, 413],
    ])('%s', async (_what, length, status) => {
      const body = `${chunked(bodyOf(length))}0\r\n\r\n`
      const answer = await exchange(gateway.url, `${head}Transfer-Encoding: chunked\r\n\r\n${body}`)
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    })

    test('that does not end is rejected at the limit', async () => {
      const head =
        'POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n'
      const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
      const answer = await exchange(
        gateway.url,
        `${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(17)}`,
      )
      expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    })
  })
})

describe('an allowed website', () => {
  test('can send requests, with a key but without cookies', async () => {
    const response = await send('/graphql', {
      method: 'OPTIONS',
      headers: {
        origin: 'https://finance.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    })
    expect(response.status).toBe(204)
    const headers = Object.fromEntries(response.headers)
    expect(headers).toMatchObject({
      'access-control-allow-origin': expect.stringMatching(/^(\*|https:\/\/finance\.example)$/),
      'access-control-allow-methods': 'GET, POST, OPTIONS',
      'access-control-allow-headers': 'authorization,content-type',
    })
    expect(headers).not.toHaveProperty('access-control-allow-credentials')
  })

  test('can read the response', async () => {
    const response = await post('{"query":"{__typename}"}', { origin: 'https://finance.example' })
    expect(response.headers.get('access-control-allow-origin')).toMatch(/^(\*|https:\/\/finance\.example)$/)
  })
})

describe('paths', () => {
  test('/ redirects to GraphiQL', async () => {
    const response = await send('/')
    expect([response.status, response.headers.get('location')]).toEqual([302, '/graphql'])
  })

  test.each(['/nothing', '/graphql/', '/graphql2', '/file/x', '/%00', '/%E0%A4%A', '/..%2f..%2fetc/passwd'])(
    '%s is not found',
    async (path) => {
      const response = await send(path)
      expect(response.status).toBe(404)
      expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
      expect(await response.text()).toBe(`There is nothing at ${path}. GraphQL is at /graphql.\n`)
    },
  )

  test.each([
    ['/', 302],
    ['/nothing', 404],
    ['/graphql', 405],
    ['/files/none', 403],
  ])('HEAD %s has status %i and no body', async (path, status) => {
    const answer = await exchange(
      gateway.url,
      `HEAD ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    )
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(answer.split('\r\n\r\n')[1]).toBe('')
  })

  test.each(['PUT', 'DELETE', 'PATCH'])('the method %s is not allowed', async (method) => {
    const response = await send('/graphql', { method })
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, POST'])
  })
})

test.each([
  ['two slashes', 'GET // HTTP/1.1\r\nHost: x\r\n', 404],
  ['a path that looks like another server', 'GET //example.com/graphql HTTP/1.1\r\nHost: x\r\n', 404],
  ['no path', 'OPTIONS * HTTP/1.1\r\nHost: x\r\n', 400],
  ['a URL with an invalid host', 'GET http://[::1/ HTTP/1.1\r\nHost: x\r\n', 400],
  ['a URL with a space', 'GET /a b HTTP/1.1\r\nHost: x\r\n', 400],
  ['no HTTP at all', 'hello\r\n', 400],
  ['headers that are too long', `GET / HTTP/1.1\r\nHost: x\r\nA: ${'x'.repeat(20_000)}\r\n`, 431],
  ['no host', 'GET /graphql?query={__typename} HTTP/1.1\r\n', 400],
  ['an invalid host', 'GET /graphql?query={__typename} HTTP/1.1\r\nHost: [\r\n', 400],
  ['a host with a path', 'GET /graphql?query={__typename} HTTP/1.1\r\nHost: x/y\r\n', 400],
  ['two lengths', 'POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n', 400],
  [
    'the URL of another server',
    'GET http://example.com/graphql?query={__typename} HTTP/1.1\r\nHost: x\r\n',
    200,
  ],
  ['no host, as HTTP 1.0 allows', 'GET /graphql?query={__typename} HTTP/1.0\r\n', 200],
  [
    'an upgrade to HTTP/2',
    'GET /graphql?query={__typename} HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade, close\r\n',
    200,
  ],
])('a request with %s is answered', async (_what, head, status) => {
  const close = head.includes('Connection: ') ? '' : 'Connection: close\r\n'
  const answer = await exchange(gateway.url, `${head}${close}\r\n`)
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  expect((await post('{"query":"{__typename}"}')).status).toBe(200)
})

describe('SSE', () => {
  const subscription = (id: string): string =>
    JSON.stringify({ query: `subscription { reportRun(id: "${id}") { id status } }` })

  test('a subscription by POST is a stream of events that completes after the final state', async () => {
    const run = await insertRun(gateway.prisma, account, { status: 'CANCELED', finishedAt: new Date() })
    const response = await post(subscription(run.id), {
      authorization: `Bearer ${account.key}`,
      accept: 'text/event-stream',
    })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    // For proxies, which must not keep, compress or buffer events.
    expect(response.headers.get('cache-control')).toBe('no-cache, no-transform')
    expect(response.headers.get('x-accel-buffering')).toBe('no')
    const events = (await response.text()).split('\n\n').filter((event) => /^event/.test(event))
    expect(events).toEqual([
      `event: next\ndata: ${JSON.stringify({ data: { reportRun: { id: run.id, status: 'CANCELED' } } })}`,
      expect.stringMatching(/^event: complete/),
    ])
  })

  test('a subscription by GET is a stream of events', async () => {
    const run = await insertRun(gateway.prisma, account, { status: 'CANCELED', finishedAt: new Date() })
    const query = encodeURIComponent(`subscription { reportRun(id: "${run.id}") { status } }`)
    const response = await send(`/graphql?query=${query}`, {
      headers: { authorization: `Bearer ${account.key}`, accept: 'text/event-stream' },
    })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    expect(await response.text()).toContain('"status":"CANCELED"')
  })

  test('a subscription is rejected when the client does not accept an event stream', async () => {
    const run = await insertRun(gateway.prisma, account)
    const response = await post(subscription(run.id), {
      authorization: `Bearer ${account.key}`,
      accept: 'application/json',
    })
    expect(response.status).toBe(406)
  })
})
