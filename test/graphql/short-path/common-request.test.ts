import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { expect, onTestFinished, test, vi } from 'vitest'
import { takeBody } from '../../../src/graphql/short-path/common-request.ts'

test.each([
  ['before', false],
  ['after', true],
])('a body that is taken %s it has arrived completely can be put back', async (_when, isComplete) => {
  const server = createServer(async (request, response) => {
    if (isComplete) await vi.waitFor(() => expect(request.complete).toBe(true))
    const body = await takeBody(request)
    request.unshift(body)
    response.end(await buffer(request))
  })
  onTestFinished(() => void server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  // A cast, because a server that listens on TCP has an address of this form.
  const { port } = server.address() as AddressInfo
  const sent = 'body '.repeat(10)
  const answer = await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body: sent })
  expect(await answer.text()).toBe(sent)
})
