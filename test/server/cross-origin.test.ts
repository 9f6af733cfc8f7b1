import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accountKey, badRequests } from '../support/bad-requests.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { type StoredTestFile, storeFile } from '../support/stored-file.ts'

const origin = 'https://finance.example'
const content = 'a,b\n1,2\n'

let gateway: TestGateway
let account: TestAccount
let file: StoredTestFile
let link: string
beforeAll(async () => {
  gateway = await startTestGateway({
    config: { role: 'gateway', allowedOrigins: [origin], introspection: false },
  })
  account = await gateway.createAccount()
  file = await storeFile(gateway, account, content)
  link = (await file.link()).slice(gateway.url.length)
})
afterAll(() => gateway[Symbol.asyncDispose]())

function send(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(gateway.url + path, { redirect: 'manual', ...init })
}

function valuesOf(headers: Headers, name: string): string[] {
  return (headers.get(name) ?? '').toLowerCase().split(/\s*,\s*/)
}

const query = encodeURIComponent('{ __typename }')
const events = encodeURIComponent('subscription { reportRunEvents { cursor } }')
const operators = ['/health', '/ready', '/metrics']

/** A function, because the link is not known when tests are named. */
type Ask = { what: string; path: () => string; headers?: Record<string, string>; method?: string }

const goodRequests: readonly Ask[] = [
  { what: 'a query', path: () => `/graphql?query=${query}` },
  {
    what: 'an event stream',
    path: () => `/graphql?query=${events}`,
    headers: { accept: 'text/event-stream', authorization: accountKey },
  },
  { what: 'a file', path: () => link },
  { what: 'the headers of a file', path: () => link, method: 'HEAD' },
  { what: 'a part of a file', path: () => link, headers: { range: 'bytes=0-1' } },
  { what: 'a part that is outside the file', path: () => link, headers: { range: 'bytes=90-' } },
  { what: 'a file that has changed', path: () => link, headers: { 'if-match': '"other"' } },
  { what: 'a file with another signature', path: () => `${link}x` },
  ...operators.map((path) => ({ what: path, path: () => path })),
]

const requests = [
  ...goodRequests.map(({ what, path, headers = {}, method = 'GET' }) => ({
    what,
    path,
    request: { method, headers },
  })),
  ...badRequests.map(({ what, path, request }) => ({ what, path: () => path, request })),
]

describe('the answer to', () => {
  test.each(requests)(
    '$what has the headers for caches and for pages of an allowed origin',
    async (asked) => {
      const { headers: given, ...request } = asked.request
      const from = given.origin ?? origin
      const headers = new Headers({ ...given, origin: from })
      if (headers.get('authorization') === accountKey) headers.set('authorization', `Bearer ${account.key}`)
      const closing = new AbortController()
      const response = await send(asked.path(), { ...request, headers, signal: closing.signal })
      const { status } = response
      expect(response.headers.get('cache-control')).toMatch(/^(no-store|no-cache|private, no-cache)/)
      const isForOperators = operators.includes(new URL(response.url).pathname)
      const isShared = !isForOperators && from === origin
      expect(response.headers.get('access-control-allow-origin')).toBe(isShared ? origin : null)
      if (!isForOperators) expect(valuesOf(response.headers, 'vary')).toContain('origin')
      expect(response.headers.has('x-request-id')).toBe(true)
      if (isShared) {
        const exposed = valuesOf(response.headers, 'access-control-expose-headers')
        expect(exposed).toEqual(expect.arrayContaining(['retry-after', 'x-request-id', 'etag']))
      }
      if (status >= 400 && request.method !== 'HEAD') expect(await sentenceOf(response)).toMatch(/^\S.{8,}$/)
      closing.abort()
    },
  )
})

/** What an error says: as text, in a GraphQL response, or in the first event of a stream. */
async function sentenceOf(response: Response): Promise<string> {
  const body = await response.text()
  const json = /^\{.*"errors".*\}$/m.exec(body.replace(/^data: /m, ''))?.[0]
  return json ? JSON.parse(json).errors[0].message : body.trim()
}

test('an answer of /graphql varies by what it depends on', async () => {
  const { headers } = await send(`/graphql?query=${query}`)
  expect(valuesOf(headers, 'vary').sort()).toEqual(['accept', 'accept-encoding', 'authorization', 'origin'])
})

test.each([
  ['/graphql', 'POST', 'authorization,content-type,idempotency-key', 'GET, POST, OPTIONS'],
  ['/graphql', 'GET', 'authorization,last-event-id', 'GET, POST, OPTIONS'],
  ['/files/rf_x', 'GET', 'if-none-match,range', 'GET, HEAD, OPTIONS'],
  ['/nothing', 'GET', 'authorization', 'GET, POST, OPTIONS'],
])('a preflight of %s allows %s with %s for a day', async (path, method, requested, methods) => {
  const ask = (from: string) =>
    send(path, {
      method: 'OPTIONS',
      headers: {
        origin: from,
        'access-control-request-method': method,
        'access-control-request-headers': requested,
      },
    })
  const { status, headers } = await ask(origin)
  expect([status, headers.get('access-control-allow-headers')]).toEqual([204, requested])
  expect(headers.get('access-control-allow-methods')).toBe(methods)
  expect(headers.get('access-control-max-age')).toBe('86400')
  expect(headers.has('access-control-allow-credentials')).toBe(false)
  expect(valuesOf(headers, 'vary')).toContain('access-control-request-headers')
  const foreign = await ask('https://foreign.example')
  expect([foreign.status, foreign.headers.get('access-control-allow-origin')]).toEqual([403, null])
})

test('a page of an allowed origin reads a part of a file and its name', async () => {
  const response = await send(link, { headers: { origin, range: 'bytes=4-6' } })
  expect([response.status, await response.text()]).toEqual([206, '1,2'])
  const exposed = valuesOf(response.headers, 'access-control-expose-headers')
  for (const name of ['accept-ranges', 'content-disposition', 'content-length', 'content-range', 'etag']) {
    expect(response.headers.has(name)).toBe(true)
    expect(exposed).toContain(name)
  }
})

test('a page of an allowed origin cannot read GraphiQL', async () => {
  const response = await send('/graphql', { headers: { origin, accept: 'Text/HTML' } })
  expect(response.headers.get('content-type')).toContain('text/html')
  expect(response.headers.get('access-control-allow-origin')).toBeNull()
})
