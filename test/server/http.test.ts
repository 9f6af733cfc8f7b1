import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
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

test('an idle connection stays open for the given time, and closes after its response when the server leaves', async () => {
  const http = await startHttp('127.0.0.1', 0, fail, 90)
  http.serve(async (_request, response) => void response.end())
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const ask = (): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const sent = get(http.url, { agent }, (response) => resolve(response.resume()))
      sent.once('error', reject)
    })
  expect(http.server.keepAliveTimeout).toBe(90_000)
  expect((await ask()).headers).toMatchObject({ connection: 'keep-alive', 'keep-alive': 'timeout=90' })
  http.leave()
  expect((await ask()).headers.connection).toBe('close')
  await http.stop()
  agent.destroy()
})

test('by default an idle connection stays open for longer than load balancers keep it', async () => {
  const http = await startHttp('127.0.0.1', 0, fail)
  // A minute is the default of nginx and of an Application Load Balancer.
  expect(http.server.keepAliveTimeout).toBeGreaterThan(60_000)
  await http.stop()
})

test('an idle connection closes when its time is over, and not before', async () => {
  const http = await startHttp('127.0.0.1', 0, fail, 0.5)
  http.serve(async (_request, response) => void response.end())
  const { hostname, port } = new URL(http.url)
  const socket = connect(Number(port), hostname)
  const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
  socket.write(request)
  await once(socket, 'data')
  const answered = performance.now()
  await once(socket.resume(), 'end')
  expect(performance.now() - answered).toBeGreaterThan(450)
  socket.destroy()
  await http.stop()
})

test('a stop answers every client that has connected before', async () => {
  const http = await startHttp('127.0.0.1', 0, fail)
  http.serve(async (_request, response) => void response.end('Hello.'))
  const request = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
  // More than one turn of the event loop accepts.
  const answers = Array.from({ length: 40 }, () => exchange(http.url, request))
  await new Promise((resolve) => setTimeout(resolve, 0))
  await http.stop()
  for (const answer of await Promise.all(answers)) expect(answer).toContain('Hello.')
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
