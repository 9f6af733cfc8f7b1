import { createServer, request, type ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { streamSink } from '../../../src/graphql/transports/sinks.ts'

test('a stream whose client is slow many times waits each time, and keeps no listeners', async () => {
  const response = Promise.withResolvers<ServerResponse>()
  const server = createServer((_request, opened) => response.resolve(opened.writeHead(200)))
  await using _server = { [Symbol.asyncDispose]: async () => void server.close() }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (!(address instanceof Object)) throw new Error('The server does not listen on a port.')
  const client = request({ port: address.port, host: '127.0.0.1' }, (stream) => stream.resume())
  client.end()
  const opened = await response.promise
  const sink = streamSink(opened)
  const listeners = () => opened.eventNames().map((name) => [name, opened.listenerCount(name)])
  const before = listeners()
  const message = { text: 'x'.repeat(1024 * 1024), eventCursor: null }
  let waits = 0
  for (let sent = 0; sent < 20; sent++) {
    sink.send(message)
    if (!sink.isReady()) waits++
    await sink.whenReady()
    expect(sink.isReady()).toBe(true)
  }
  expect(waits).toBe(20)
  expect(listeners()).toEqual(before)
  client.destroy()
})
