import { expect, test, vi } from 'vitest'
import { startListener } from '../../src/postgres/listener.ts'
import { createTestDatabase } from '../support/database.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

test('attempts that fail for the same reason are one fault', async () => {
  await using database = await createTestDatabase()
  await using proxy = await startTcpProxy(database.url)
  const faults: string[] = []
  const listener = await startListener({
    url: proxy.through(database.url),
    channel: 'test',
    name: 'test',
    onNotification: () => {},
    onReconnect: () => {},
    onFault: (_error, message) => faults.push(message),
    heartbeatMilliseconds: 30,
    limitMilliseconds: 50,
  })
  proxy.swallow()
  // Each attempt waits for its limit, and doubles the wait: several have failed by then.
  let checks = 0
  await vi.waitFor(() => expect(++checks).toBeGreaterThan(20), 5_000)
  expect(faults).toEqual([
    'The test connection does not answer; reconnecting.',
    'The test connection could not be opened; trying again.',
  ])
  await listener.stop()
})
