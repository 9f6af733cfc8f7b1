import { expect, test, vi } from 'vitest'
import { startListener } from '../../src/postgres/listener.ts'
import { createTestDatabase, runOutside } from '../support/database.ts'
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
    heartbeatMilliseconds: 60_000,
    limitMilliseconds: 60_000,
  })
  const name = new URL(database.url).pathname.slice(1)
  await runOutside(database.url, `alter database ${name} with allow_connections false`)
  await runOutside(
    database.url,
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`,
  )
  // The fourth attempt begins after the third has failed.
  await vi.waitFor(() => expect(proxy.connections()).toBeGreaterThan(4), { timeout: 30_000 })
  expect(faults).toEqual([
    'The test connection broke; reconnecting.',
    'The test connection could not be opened; trying again.',
  ])
  await listener.stop()
})
