import { randomBytes } from 'node:crypto'
import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { describeWith } from '../support/debian-tools.ts'
import { openEventStream } from '../support/event-stream.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { exchange } from '../support/raw-http.ts'
import {
  type ProxyKind,
  type ReverseProxy,
  startBareNginx,
  startReverseProxy,
} from '../support/reverse-proxy.ts'
import { createSlowRun, slowReport } from '../support/slow-report.ts'
import { storeFile } from '../support/stored-file.ts'

const watchLog = 'subscription { reportRunEvents { cursor run { id } } }'
const json = { 'content-type': 'application/json' }

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway({
    reportTypes: [slowReport],
    config: { publicUrl: 'https://reports.example.com' },
  })
  account = await gateway.createAccount()
})
afterAll(() => gateway[Symbol.asyncDispose]())

/** Each event must arrive before the next one happens: the test creates a run only after the event of the one before. */
async function expectEventByEvent(url: string): Promise<void> {
  const stream = await openEventStream(url, account.key, watchLog)
  expect(stream.status).toBe(200)
  for (let count = 0; count < 3; count++) {
    const id = await createSlowRun(account.client)
    await vi.waitFor(() => expect(JSON.stringify(stream.events)).toContain(id), { timeout: 10_000 })
  }
  stream.close()
}

function ask(url: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/graphql`, { method: 'POST', headers: { ...json, ...headers }, body })
}

/** A request with a body that is over the limit of the gateway. */
function bodyOf(bytes: number): string {
  return JSON.stringify({ query: '{ __typename }', variables: { pad: 'x'.repeat(bytes) } })
}

function ofGateway(kind: ProxyKind): void {
  let proxy: ReverseProxy
  beforeAll(async () => {
    proxy = await startReverseProxy(kind, [gateway.url, gateway.url])
  })
  afterAll(() => proxy[Symbol.asyncDispose]())

  test('server-sent events arrive one by one', () => expectEventByEvent(proxy.url))

  test('events arrive one by one for a client that accepts compression', async () => {
    const response = await ask(proxy.url, JSON.stringify({ query: watchLog }), {
      authorization: `Bearer ${account.key}`,
      accept: 'text/event-stream',
      'accept-encoding': 'gzip',
    })
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    onTestFinished(() => void reader?.cancel())
    const id = await createSlowRun(account.client)
    let text = ''
    while (!text.includes(id)) text += (await reader?.read())?.value ?? ''
    expect(response.headers.get('content-encoding')).not.toBe('gzip')
  })

  test('a WebSocket subscribes', async () => {
    const client = createClient({
      url: `${proxy.url.replace('http', 'ws')}/graphql`,
      connectionParams: { authorization: `Bearer ${account.key}` },
      retryAttempts: 0,
    })
    const events = client.iterate({ query: watchLog })
    const first = events.next()
    const id = await createSlowRun(account.client)
    let told = await first
    while (!JSON.stringify(told.value).includes(id)) told = await events.next()
    await client.dispose()
  })

  test('a download works in ranges, and its link names the public address', async () => {
    const content = randomBytes(3 * 1024 * 1024).toString('base64')
    const file = await storeFile(gateway, account, content)
    const link = new URL(await file.link())
    expect(link.origin).toBe('https://reports.example.com')
    const here = `${proxy.url}${link.pathname}${link.search}`
    const part = await fetch(here, { headers: { range: 'bytes=1000000-1000009' } })
    expect([part.status, await part.text()]).toEqual([206, content.slice(1_000_000, 1_000_010)])
    expect(part.headers.get('content-range')).toBe(`bytes 1000000-1000009/${content.length}`)
    expect((await (await fetch(here)).text()) === content).toBe(true)
  })

  test('a body over the limit gets the error of the gateway, and the next request is answered', async () => {
    for (let count = 0; count < 10; count++) {
      const refused = await ask(proxy.url, bodyOf(1024 * 1024 + 50_000))
      expect([refused.status, await refused.json()]).toMatchObject([
        413,
        { errors: [{ extensions: { code: 'REQUEST_TOO_LARGE' } }] },
      ])
      expect((await ask(proxy.url, bodyOf(10))).status).toBe(200)
    }
  })

  test('the log has the address of the client, and another Host decides nothing', async () => {
    const id = randomBytes(8).toString('hex')
    await ask(proxy.url, bodyOf(1), { 'x-request-id': id, 'x-forwarded-host': 'foreign.example' })
    const line = () => gateway.logged.find(({ requestId, msg }) => requestId === id && msg === 'request')
    await vi.waitFor(() => expect(line()).toBeDefined())
    expect(line()).toMatchObject({ address: '127.0.0.1', forwardedFor: '127.0.0.1' })
  })

  test('metrics and readiness stay inside', async () => {
    expect((await fetch(`${proxy.url}/metrics`)).status).toBe(404)
    expect((await fetch(`${proxy.url}/ready`)).status).toBe(404)
  })
}

describeWith(['nginx'], 'behind nginx with the file of ops', () => ofGateway('nginx'))
describeWith(['haproxy'], 'behind HAProxy with the file of ops', () => ofGateway('haproxy'))
describeWith(['caddy'], 'behind Caddy with the file of ops', () => ofGateway('caddy'))

describeWith(['nginx'], 'behind nginx with nothing but proxy_pass', () => {
  const everything = 'gzip on; gzip_proxied any; gzip_types *; gzip_min_length 1; proxy_buffer_size 4k;'
  describe.each([
    ['', 'client_max_body_size 8m;'],
    [' and compression of everything', `client_max_body_size 8m; ${everything}`],
  ])('%s', (_what, directives) => {
    let proxy: ReverseProxy
    beforeAll(async () => {
      proxy = await startBareNginx(gateway.url, directives)
    })
    afterAll(() => proxy[Symbol.asyncDispose]())

    test('server-sent events arrive one by one', () => expectEventByEvent(proxy.url))

    test('the handshake of a WebSocket is answered with the settings that it needs', async () => {
      const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13'
      const head = 'GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade, close'
      const answer = await exchange(proxy.url, `${head}\r\n${key}\r\n\r\n`)
      expect(answer).toMatch(/^HTTP\/1\.1 426 /)
      expect(answer).toContain('proxy_set_header Upgrade')
    })

    test('a refused body gets the answer of the gateway', async () => {
      for (let count = 0; count < 20; count++) {
        expect((await ask(proxy.url, bodyOf(5_000_000))).status).toBe(413)
        expect((await ask(proxy.url, bodyOf(5_000_000), { 'content-type': 'text/plain' })).status).toBe(415)
      }
    })
  })
})
