import pino from 'pino'
import { expect, test } from 'vitest'
import { shareConnections } from '../../src/server/connection-shares.ts'
import { openPools, poolsByName } from '../../src/server/open-pools.ts'
import { createTestDatabase } from '../support/database.ts'

test('metrics show each pool once, also in a process that estimates custom reports and runs none', async () => {
  await using database = await createTestDatabase()
  await using closers = new AsyncDisposableStack()
  const reports = { folder: 'reports', databaseUrl: database.url, limits: { rows: 1, seconds: 1 } }
  const shares = shareConnections({ role: 'gateway', concurrency: 4, connections: null, reports })
  const logger = pino({ enabled: false })
  const pools = poolsByName(
    await openPools({ config: { reports, replica: null }, shares, url: database.url, logger, closers }),
  )
  expect(new Set(Object.values(pools)).size).toBe(Object.keys(pools).length)
  expect(Object.keys(pools)).toEqual(['requests', 'probes', 'estimates', 'custom estimates'])
})
