import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import pino from 'pino'
import { expect, test, vi } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import { createGateway } from '../../src/server/gateway.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startTestGateway } from '../support/gateway.ts'
import { createSlowRun, slowReport, startOf } from '../support/slow-report.ts'

async function connections(database: TestDatabase): Promise<string[]> {
  const rows = await database.query<{ name: string }>(
    "select application_name as name from pg_stat_activity where datname = current_database() and application_name like 'report-gateway%'",
  )
  return rows.map(({ name }) => name)
}

test.each(['at once', 'while the ledger is loaded'])(
  'a stop during the start, %s, leaves nothing open',
  async (when) => {
    await using database = await createTestDatabase()
    const dataDir = await mkdtemp(join(tmpdir(), 'report-gateway-test-'))
    await using _folder = { [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true, force: true }) }
    let stopped: Promise<void> | undefined
    const stop = (): void => {
      stopped ??= gateway.stop()
    }
    const gateway = createGateway({
      config: loadConfig({ PORT: '0', DATABASE_URL: database.url, DATA_DIR: dataDir, DEMO: 'true' }),
      logger: pino({ level: 'silent' }),
      onProgress: stop,
    })
    const started = gateway.start()
    if (when === 'at once') stop()
    await expect(started).rejects.toMatchObject({ name: 'AbortError' })
    await stopped
    expect(await connections(database)).toEqual([])
  },
)

/** Takes a lock that every query of runs waits for. Returns a function that releases it. */
async function lockRuns(database: TestDatabase): Promise<() => Promise<void>> {
  const holder = new pg.Client({ connectionString: database.url })
  await holder.connect()
  await holder.query('begin')
  await holder.query('lock table report_gateway.report_runs in access exclusive mode')
  return () => holder.end()
}

test('while the gateway stops, requests succeed or are not accepted, even when one hangs', async () => {
  const gateway = await startTestGateway()
  const { key } = await gateway.createAccount()
  const ask = async (query: string): Promise<number | null> => {
    try {
      const response = await fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
      })
      return response.status
    } catch {
      return null
    }
  }
  const release = await lockRuns(gateway.database)
  const hanging = ask('{ reportRuns { totalCount } }')
  const waiting =
    "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
  await vi.waitFor(async () => expect(await gateway.database.query(waiting)).not.toEqual([]), 30_000)

  const closed = gateway[Symbol.asyncDispose]()
  let status = await ask('{ viewer { accountId } }')
  while (status === 200) status = await ask('{ viewer { accountId } }')
  expect(status).toBeNull()
  await release()
  await Promise.all([closed, hanging])
})

test('a report that ends within STOP_SECONDS finishes although the process stops', async () => {
  await using database = await createTestDatabase()
  const gateway = await startTestGateway({ database, reportTypes: [slowReport], config: { stopSeconds: 60 } })
  const { client } = await gateway.createAccount()
  const id = await createSlowRun(client, { rows: '30', row_seconds: '0.1' })
  await startOf(client, id)
  await gateway[Symbol.asyncDispose]()
  expect(await database.query('select id, status, execution from report_gateway.report_runs')).toEqual([
    { id, status: 'SUCCEEDED', execution: 1 },
  ])
})

test('a report that exceeds its deadline while the process stops is ended', async () => {
  await using database = await createTestDatabase()
  const gateway = await startTestGateway({ database, reportTypes: [slowReport], config: { stopSeconds: 60 } })
  const { client } = await gateway.createAccount()
  const id = await createSlowRun(client, { rows: '60', row_seconds: '0.1' })
  await startOf(client, id)
  await database.query("update report_gateway.report_runs set deadline_at = now() + interval '1 second'")
  await gateway[Symbol.asyncDispose]()
  expect(await database.query('select id, failure_code from report_gateway.report_runs')).toEqual([
    { id, failure_code: 'TIMED_OUT' },
  ])
})
