import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import {
  type AccessOptions,
  createAccessRule,
  explainAccess,
  isFromThisMachine,
} from '../../src/server/access.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { exchange } from '../support/raw-http.ts'

const database = {
  databaseUrl: 'postgres://db/reports',
  publicUrl: 'https://reports.example/base',
  allowedOrigins: [],
}
const embedded = { databaseUrl: null, publicUrl: null, allowedOrigins: [] }
const app = ['https://app.example']

describe('access', () => {
  type Row = [
    what: string,
    options: AccessOptions,
    host: string | undefined,
    origin: string | undefined,
    isServed: boolean,
  ]
  const rows: Row[] = [
    ['no page', database, 'any.example', undefined, true],
    ['no page and no host', database, undefined, undefined, true],
    ['its own page', database, 'any.example:4000', 'http://any.example:4000', true],
    ['its own page behind a proxy that terminates TLS', database, 'any.example', 'https://any.example', true],
    ['its own page, with the default port', database, 'ANY.example:443', 'https://any.example', true],
    ['a page of another port', database, 'any.example:4000', 'http://any.example:4001', false],
    [
      'a page of a host that starts with the same name',
      database,
      'any.example',
      'https://any.example.evil.example',
      false,
    ],
    ['a page of a subdomain', database, 'any.example', 'https://x.any.example', false],
    ['a page of its public address', database, 'inner:4000', 'https://reports.example', true],
    ['a page of its public address without TLS', database, 'inner:4000', 'http://reports.example', false],
    ['a foreign page', database, 'any.example', 'https://evil.example', false],
    ['a page without an origin', database, 'any.example', 'null', false],
    ['a page without an origin, without a host', database, '', 'null', false],
    ['a file', database, '', 'file://', false],
    ['an empty origin', database, 'any.example', '', false],
    ['several origins', database, 'any.example', 'http://any.example, https://evil.example', false],
    ['an allowed page', { ...database, allowedOrigins: app }, 'any.example', 'https://app.example', true],
    ['another page', { ...database, allowedOrigins: app }, 'any.example', 'https://app.example:8443', false],
    ['any page', { ...database, allowedOrigins: ['*'] }, 'any.example', 'https://evil.example', true],
    ['no page', embedded, 'localhost:4000', undefined, true],
    ['a local page', embedded, '127.0.0.1:4000', 'http://localhost:3000', true],
    ['a foreign page', embedded, 'localhost:4000', 'https://evil.example', false],
    ['a page without an origin', embedded, 'localhost:4000', 'null', false],
    ['a foreign name for this machine', embedded, 'evil.example:4000', undefined, false],
    ['a page of the foreign name', embedded, 'evil.example:4000', 'http://evil.example:4000', false],
    ['an allowed page', { ...embedded, allowedOrigins: app }, 'localhost:4000', 'https://app.example', true],
    [
      'an allowed page at a foreign name',
      { ...embedded, allowedOrigins: app },
      'evil.example',
      'https://app.example',
      false,
    ],
    ['any page at a foreign name', { ...embedded, allowedOrigins: ['*'] }, 'evil.example', undefined, false],
  ]
  test.each(rows)('for %s (%o, host %s, origin %s): %s', (_what, options, host, origin, isServed) => {
    expect(createAccessRule(options)({ host, origin })).toBe(isServed)
  })
})

describe('a gateway on a database', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startTestGateway({
      config: { allowedOrigins: ['https://app.example', 'https://b.example'] },
    })
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  const ask = (origin: string | null, init: RequestInit = {}): Promise<Response> =>
    fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      body: '{"query":"{__typename}"}',
      ...init,
      headers: {
        'content-type': 'application/json',
        ...(origin === null ? {} : { origin }),
        ...init.headers,
      },
    })

  const preflight = (origin: string): Promise<Response> =>
    ask(origin, {
      method: 'OPTIONS',
      body: null,
      headers: {
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    })

  test('serves clients that are not pages, and its own pages', async () => {
    expect((await ask(null)).status).toBe(200)
    expect((await ask(gateway.url)).status).toBe(200)
  })

  test.each(['https://app.example', 'https://b.example'])(
    'serves pages of %s, and lets them read the answer',
    async (origin) => {
      for (const response of [await ask(origin), await preflight(origin)]) {
        expect(response.ok).toBe(true)
        expect(response.headers.get('access-control-allow-origin')).toBe(origin)
        expect(response.headers.get('vary')).toMatch(/\bOrigin\b/)
        expect(response.headers.has('access-control-allow-credentials')).toBe(false)
      }
    },
  )

  test.each(['https://evil.example', 'null'])(
    'rejects pages of %s, and names the variable that allows them',
    async (origin) => {
      for (const response of [await ask(origin), await preflight(origin)]) {
        expect(response.status).toBe(403)
        expect(response.headers.has('access-control-allow-origin')).toBe(false)
        expect(await response.text()).toContain('ALLOWED_ORIGINS')
      }
    },
  )

  test('lets no page read GraphiQL, which can contain a key', async () => {
    const response = await ask('https://app.example', {
      method: 'GET',
      body: null,
      headers: { accept: 'text/html' },
    })
    expect(await response.text()).toContain('GraphiQL')
    expect(response.headers.has('access-control-allow-origin')).toBe(false)
  })

  const handshake = (origin: string | undefined, path = '/graphql'): Promise<[number, string]> =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(gateway.url.replace('http', 'ws').concat(path), 'graphql-transport-ws', {
        headers: origin === undefined ? {} : { origin },
      })
      socket.once('open', () => {
        socket.close()
        resolve([101, ''])
      })
      socket.once('unexpected-response', (request, response) => {
        text(response)
          .then((sentence) => resolve([response.statusCode ?? 0, sentence]), reject)
          .finally(() => request.destroy())
      })
      socket.once('error', reject)
    })

  test.each([
    [undefined, 101, ''],
    ['https://app.example', 101, ''],
    ['https://evil.example', 403, 'ALLOWED_ORIGINS'],
    ['null', 403, 'ALLOWED_ORIGINS'],
  ])('answers the handshake of a WebSocket from %s with %i', async (origin, status, sentence) => {
    expect(await handshake(origin)).toEqual([status, expect.stringContaining(sentence)])
  })

  test('answers the handshake of a WebSocket at another path with the right one', async () => {
    expect(await handshake(undefined, '/')).toEqual([302, ''])
    const sentence = 'There is nothing at /subscriptions. GraphQL is at /graphql.\n'
    expect(await handshake(undefined, '/subscriptions')).toEqual([404, sentence])
  })

  test('answers a handshake whose headers a proxy has removed with their names', async () => {
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13'
    for (const head of [
      // nginx with nothing but proxy_pass, and with half of its settings.
      `HTTP/1.0\r\nConnection: close\r\n${key}`,
      `HTTP/1.1\r\nConnection: close\r\nUpgrade: websocket\r\n${key}`,
      `HTTP/1.1\r\nConnection: close\r\nUpgrade: websocket`,
    ]) {
      const answer = await exchange(gateway.url, `GET /graphql ${head}\r\nHost: x\r\n\r\n`)
      expect(answer).toMatch(/^HTTP\/1\.1 426 /)
      expect(answer).toMatch(/^Upgrade: websocket\r$/m)
      for (const name of [
        'Upgrade: websocket',
        'Connection: Upgrade',
        'proxy_set_header',
        'reverse-proxies.md',
      ]) {
        expect(answer.split('\r\n\r\n')[1]).toContain(name)
      }
    }
  })

  test('compares the Origin with the Host header', async () => {
    const head = (origin: string) =>
      `GET /graphql?query={__typename} HTTP/1.1\r\nHost: reports.example\r\nOrigin: ${origin}\r\nAuthorization: x\r\nConnection: close\r\n\r\n`
    expect(await exchange(gateway.url, head('http://reports.example'))).not.toMatch(/^HTTP\/1\.1 403 /)
    expect(await exchange(gateway.url, head('http://other.example'))).toMatch(/^HTTP\/1\.1 403 /)
  })
})

describe('the origin of a request', () => {
  type Part = { address?: string; version?: string; headers?: Record<string, string> }
  const isLocal = ({ address = '127.0.0.1', version = '1.1', headers = {} }: Part): boolean =>
    isFromThisMachine({
      socket: { remoteAddress: address },
      httpVersion: version,
      headers: { connection: 'keep-alive', ...headers },
    })

  test.each(['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1'])('is this machine for %s', (address) => {
    expect(isLocal({ address, headers: { 'user-agent': 'Mozilla/5.0' } })).toBe(true)
  })

  test.each<Part>([
    { address: '192.168.1.5' },
    { address: '172.17.0.1' },
    { address: '::ffff:10.0.0.1' },
    { address: 'fe80::1' },
    { address: '1127.0.0.1' },
    { address: '' },
    { headers: { 'x-forwarded-for': '127.0.0.1' } },
    { headers: { 'x-forwarded-proto': 'http' } },
    { headers: { 'x-real-ip': '127.0.0.1' } },
    { headers: { forwarded: 'for=127.0.0.1' } },
    { headers: { via: '1.1 proxy' } },
    { headers: { 'x-original-forwarded-for': '10.0.0.1' } },
    { headers: { 'x-cluster-client-ip': '10.0.0.1' } },
    { headers: { 'fastly-client-ip': '10.0.0.1' } },
    { headers: { 'x-azure-clientip': '10.0.0.1' } },
    { headers: { 'x-envoy-external-address': '10.0.0.1' } },
    // What nginx sends unless it is configured.
    { version: '1.0', headers: { connection: 'close' } },
    { headers: { connection: 'Close' } },
    { headers: { connection: 'keep-alive, close' } },
    // What HAProxy sends, and nginx with connections that stay open.
    { headers: { connection: '' } },
  ])('is another machine or a proxy for %o', (part) => {
    expect(isLocal(part)).toBe(false)
  })
})

test.each([database, embedded])('a refusal names the variable that allows more origins (%o)', (options) => {
  expect(explainAccess(options)).toContain('ALLOWED_ORIGINS')
})
