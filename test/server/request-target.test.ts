import { afterAll, beforeAll, expect, test } from 'vitest'
import { type HttpServer, startHttp } from '../../src/server/http.ts'
import { exchange } from '../support/raw-http.ts'

let http: HttpServer
beforeAll(async () => {
  http = await startHttp('127.0.0.1', 0, (error) => {
    throw error
  })
  http.serve(async ({ headers, url }, response) => void response.end(`${headers.host} ${url}`))
})
afterAll(() => http.stop())

/** The status and the body of the answer to a request line and headers. */
async function ask(line: string, ...headers: string[]): Promise<string> {
  const answer = await exchange(http.url, [line, ...headers, 'Connection: close', '', ''].join('\r\n'))
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  return `${head.split(' ')[1]} ${body.split('\r\n').find((text) => text.includes('/')) ?? ''}`.trim()
}

test.each([
  ['the Host header', 'GET /a?b HTTP/1.1', ['Host: One.example:80'], '200 One.example:80 /a?b'],
  ['an absolute target', 'GET http://two.example/a HTTP/1.1', ['Host: one.example'], '200 two.example /a'],
  ['a target with capitals', 'GET HTTP://TWO.example:81 HTTP/1.1', ['Host: x'], '200 two.example:81 /'],
  ['HTTP/1.0 without a host', 'GET /a HTTP/1.0', [], '200 undefined /a'],
  ['a path that looks like a host', 'GET //two.example/a HTTP/1.1', ['Host: x'], '200 x //two.example/a'],
])('the host is that of %s', async (_what, line, headers, answer) => {
  expect(await ask(line, ...headers)).toBe(answer)
})

test.each([
  ['two hosts', 'GET / HTTP/1.1', ['Host: a', 'Host: b']],
  ['the same host twice', 'GET / HTTP/1.1', ['Host: a', 'host: a']],
  ['two hosts beside an absolute target', 'GET http://a/ HTTP/1.1', ['Host: a', 'Host: b']],
  ['two hosts over HTTP/1.0', 'GET / HTTP/1.0', ['Host: a', 'Host: b']],
  ['no host', 'GET / HTTP/1.1', []],
  ['an empty host', 'GET / HTTP/1.1', ['Host:']],
  ['a host with a user', 'GET / HTTP/1.1', ['Host: a@b']],
  ['a host with a path', 'GET / HTTP/1.1', ['Host: a/b']],
  ['a host with an impossible port', 'GET / HTTP/1.1', ['Host: a:99999']],
  ['a host on the next line', 'GET / HTTP/1.1', ['Host: a', ' b']],
  ['a space after the name of the header', 'GET / HTTP/1.1', ['Host : a']],
  ['a target with a user', 'GET http://a:b@c/ HTTP/1.1', ['Host: c']],
  ['a target of another protocol', 'GET ftp://a/ HTTP/1.1', ['Host: a']],
  ['a target that is not valid', 'GET http://a:b/ HTTP/1.1', ['Host: a']],
  ['a target without a path', 'OPTIONS * HTTP/1.1', ['Host: a']],
  ['two lengths', 'POST / HTTP/1.1', ['Host: a', 'Content-Length: 5', 'Transfer-Encoding: chunked']],
])('a request with %s is refused', async (_what, line, headers) => {
  expect(await ask(line, ...headers)).toMatch(/^400/)
})

test.each([
  ['two hosts', 'GET /graphql HTTP/1.1', ['Host: a', 'Host: b']],
  ['a target with a user', 'GET http://a:b@c/graphql HTTP/1.1', ['Host: c']],
])('a handshake with %s is refused', async (_what, line, headers) => {
  const upgraded: unknown[] = []
  const upgrade = (request: { headers: object }): void => void upgraded.push(request.headers)
  http.server.on('upgrade', upgrade)
  const request = [line, ...headers, 'Upgrade: websocket', 'Connection: Upgrade, close', '', ''].join('\r\n')
  expect(await exchange(http.url, request)).toMatch(/^HTTP\/1\.1 400 /)
  http.server.off('upgrade', upgrade)
  expect(upgraded).toEqual([])
})
