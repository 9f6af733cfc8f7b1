import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { expect, test } from 'vitest'
import { createGateway } from '../src/gateway.ts'
import { createTestDatabase, type TestDatabase } from './database.ts'
import { startTestGateway } from './gateway.ts'

const connections = async (database: TestDatabase): Promise<string[]> => {
  const rows = await database.query<{ name: string }>(
    "select application_name as name from pg_stat_activity where datname = current_database() and application_name like 'report-gateway%'",
  )
  return rows.map(({ name }) => name)
}

test('a stop during the start waits for what is being opened, and closes it', async () => {
  await using database = await createTestDatabase()
  const dataDir = await mkdtemp(join(tmpdir(), 'report-gateway-test-'))
  await using _folder = { [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true, force: true }) }
  const gateway = createGateway({
    config: {
      host: '127.0.0.1',
      port: 0,
      publicUrl: null,
      databaseUrl: database.url,
      dataDir,
      demo: true,
      concurrency: 1,
      logLevel: 'silent',
    },
    log: pino({ level: 'silent' }),
    // The ledger is the longest part: by then there are pools, the queue and the wake-up connection.
    onProgress: () => loading.abort(),
  })
  const loading = new AbortController()
  const started = gateway.start()
  await once(loading.signal, 'abort')
  const [outcome] = await Promise.allSettled([started, gateway.stop()])
  expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'AbortError' } })
  expect(await connections(database)).toEqual([])
})

test('requests are answered well until the gateway takes none any more', async () => {
  const gateway = await startTestGateway()
  const { key } = await gateway.createAccount()
  const statuses: number[] = []
  let isOver = false
  const ask = async (): Promise<void> => {
    while (!isOver) {
      try {
        const response = await fetch(`${gateway.url}/graphql`, {
          method: 'POST',
          headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
          body: '{"query":"{ reportRuns { totalCount } }"}',
        })
        statuses.push(response.status)
      } catch {
        isOver = true
      }
    }
  }
  const asking = [ask(), ask()]
  await expect.poll(() => statuses.length).toBeGreaterThan(10)
  await gateway[Symbol.asyncDispose]()
  await Promise.all(asking)
  expect(new Set(statuses)).toEqual(new Set([200]))
})
