import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type HttpServer, startHttp } from '../../src/server/http.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { exchange } from '../support/raw-http.ts'

const kibibytes = 1_500
const chunks = `${(1024).toString(16)}\r\n${'x'.repeat(1024)}\r\n`.repeat(kibibytes)
const chunked = { header: 'Transfer-Encoding: chunked', body: `${chunks}0\r\n\r\n` }
const counted = { header: `Content-Length: ${kibibytes * 1024}`, body: 'x'.repeat(kibibytes * 1024) }
const last = 'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'

/** The statuses of the answers on one connection. */
async function statuses(url: string, text: string): Promise<string[]> {
  const answers = await exchange(url, text)
  return [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status = '']) => status)
}

describe('a gateway', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startTestGateway({ config: { role: 'gateway' } })
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  const json = 'Content-Type: application/json'
  test.each([
    ['413', 'POST /graphql', json],
    ['415', 'POST /graphql', 'Content-Type: text/plain'],
    ['204', 'OPTIONS /graphql', json],
    ['403', 'POST /graphql', `${json}\r\nOrigin: https://foreign.example`],
    ['404', 'POST /nothing', json],
    ['405', 'POST /files/rf_x', json],
    ['405', 'POST /health', json],
    ['426', 'GET /graphql', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='],
  ])(
    'that answers %s to a long body of %s (%s) answers the next request of the connection',
    async (status, target, header) => {
      for (const body of [chunked, counted]) {
        const head = `${target} HTTP/1.1\r\nHost: localhost\r\n${header}\r\n${body.header}\r\n`
        expect(await statuses(gateway.url, `${head}\r\n${body.body}${last}`)).toEqual([status, '200'])
        const expecting = `${head}Expect: 100-continue\r\n\r\n`
        expect(await statuses(gateway.url, `${expecting}${body.body}${last}`)).toEqual(['100', status, '200'])
      }
    },
  )
})

describe('a handler that stops reading a body', () => {
  let http: HttpServer
  beforeAll(async () => {
    http = await startHttp('127.0.0.1', 0, () => {})
    http.serve(async (request, response, { pathname }) => {
      if (pathname === '/refuse') {
        // As libraries do that limit the size of a body.
        const limit = new Transform({ transform: (_chunk, _encoding, done) => done(new Error('Too long.')) })
        await pipeline(request, limit).catch(() => {})
      }
      response.end(pathname)
    })
  })
  afterAll(() => http.stop())

  test.each(['/refuse', '/ignore'])('by %s keeps the connection usable', async (path) => {
    const head = `POST ${path} HTTP/1.1\r\nHost: a\r\n${chunked.header}\r\n\r\n`
    expect(await statuses(http.url, `${head}${chunked.body}${last}`)).toEqual(['200', '200'])
  })

  test.each(['/refuse', '/ignore'])(
    'by %s lets a client that closes its connection send everything, and read the answer',
    async (path) => {
      const long = 8 * 1024 * 1024
      const head = `POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${long}\r\n\r\n`
      expect(await statuses(http.url, head + 'x'.repeat(long))).toEqual(['200'])
    },
  )
})
