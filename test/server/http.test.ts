import { expect, test } from 'vitest'
import { ConfigurationError } from '../../src/errors.ts'
import { startHttp } from '../../src/server/http.ts'
import { exchange } from '../support/raw-http.ts'

function fail(error: unknown): void {
  throw error
}

test('before it is ready, the server asks clients to try again', async () => {
  const http = await startHttp('127.0.0.1', 0, fail)
  const response = await fetch(`${http.url}/graphql`)
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
  expect(await response.text()).toBe('The gateway is starting. Try again in a second.\n')
  const upgrade =
    'GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\r\n'
  expect(await exchange(http.url, upgrade)).toMatch(/^HTTP\/1\.1 503 /)

  http.serve(async (_request, answer) => void answer.end('Hello.\n'))
  expect(await (await fetch(http.url)).text()).toBe('Hello.\n')
  await http.stop()
  await expect(fetch(http.url)).rejects.toThrow()
})

test('a port in use is reported with a way out', async () => {
  const first = await startHttp('127.0.0.1', 0, fail)
  const port = Number(new URL(first.url).port)
  const starting = startHttp('127.0.0.1', port, fail)
  await expect(starting).rejects.toThrow(ConfigurationError)
  await expect(starting).rejects.toThrow(
    `Port ${port} on 127.0.0.1 is in use. Stop the process that uses it, or choose another port: PORT=${port + 1} npm start`,
  )
  await first.stop()
})

test('an address that this machine does not have is reported', async () => {
  const starting = startHttp('192.0.2.1', 4000, fail)
  await expect(starting).rejects.toThrow(ConfigurationError)
  await expect(starting).rejects.toThrow(
    /^Cannot listen on 192\.0\.2\.1, port 4000: .+ Change HOST or PORT\.$/,
  )
})

test('an error during a request is answered with 500, logged, and ends no other request', async () => {
  const errors: unknown[] = []
  const http = await startHttp('127.0.0.1', 0, (error) => errors.push(error))
  http.serve(async (request, response) => {
    if (request.url === '/late') response.write('half')
    throw new Error('secret')
  })
  const response = await fetch(http.url)
  expect([response.status, await response.text()]).toEqual([
    500,
    'The request failed because of an internal error.\n',
  ])
  await expect(fetch(`${http.url}/late`).then((late) => late.text())).rejects.toThrow()
  expect(errors).toEqual([new Error('secret'), new Error('secret')])
  await http.stop()
})

test('a response that never ends does not prevent the server from stopping', async () => {
  const http = await startHttp('127.0.0.1', 0, fail)
  http.serve(async (_request, response) => {
    response.write('still here\n')
  })
  const response = await fetch(http.url)
  const [body] = await Promise.all([response.text().catch(() => 'cut off'), http.stop()])
  expect(body).toBe('cut off')
})
