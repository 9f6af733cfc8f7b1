import { expect, test } from 'vitest'
import { createConnection } from '../../src/postgres/client.ts'
import { openDatabase } from '../../src/postgres/open-database.ts'
import { createTestDatabase } from '../support/database.ts'
import { describeWith } from '../support/debian-tools.ts'
import { startTestGateway } from '../support/gateway.ts'
import { startPgBouncer } from '../support/pgbouncer.ts'
import { createSlowRun, endOf, slowReport } from '../support/slow-report.ts'

const noSignal = new AbortController().signal

function open(databaseUrl: string): Promise<unknown> {
  return openDatabase({ databaseUrl, dataDir: 'none' }, () => {}, noSignal)
}

describeWith(['pgbouncer'], 'PgBouncer', () => {
  test('with session pooling and nothing else set serves a gateway', async () => {
    await using database = await createTestDatabase()
    await using bouncer = await startPgBouncer(database.url, {
      pool_mode: 'session',
      default_pool_size: '40',
    })
    const url = bouncer.through(database.url)
    await using gateway = await startTestGateway({
      database: { ...database, url },
      reportTypes: [slowReport],
    })
    const { client } = await gateway.createAccount()
    expect((await endOf(client, await createSlowRun(client))).status).toBe('SUCCEEDED')
    expect((await fetch(`${gateway.url}/ready`)).status).toBe(200)
    expect(gateway.logged.filter(({ level }) => Number(level) > 30)).toEqual([])
  })

  test.each([
    ['transaction pooling', { pool_mode: 'transaction' }],
    ['transaction pooling of one connection', { pool_mode: 'transaction', default_pool_size: '1' }],
    ['transaction pooling in turn', { pool_mode: 'transaction', server_round_robin: '1' }],
    ['statement pooling', { pool_mode: 'statement' }],
  ])('with %s is refused at the start, also under load', async (_what, settings) => {
    await using database = await createTestDatabase()
    await using bouncer = await startPgBouncer(database.url, settings)
    const url = bouncer.through(database.url)
    const refusal = /which DATABASE_URL names: a connection pooler.* pool_mode = session/
    await expect(open(url)).rejects.toThrow(refusal)

    await using load = await startLoad(url)
    for (let i = 0; i < 50; i++) await expect(open(url)).rejects.toThrow(refusal)
    expect(load.faults).toEqual([])
  })

  test('that has no connection left is named', async () => {
    await using database = await createTestDatabase()
    await using bouncer = await startPgBouncer(database.url, { max_client_conn: '1' })
    const url = bouncer.through(database.url)
    const holder = createConnection(url, 'test')
    await holder.connect()
    await expect(open(url)).rejects.toThrow(
      /Cannot use the database test_\w+ at .*no more connections allowed/,
    )
    await holder.end()
  })
})

/** Clients that query all the time, so that the pooler hands out its connections in no fixed order. */
async function startLoad(url: string): Promise<AsyncDisposable & { faults: unknown[] }> {
  const faults: unknown[] = []
  let isStopped = false
  const clients = Array.from({ length: 4 }, async () => {
    const client = createConnection(url, 'load')
    await client.connect()
    while (!isStopped) await client.query('select pg_backend_pid()').catch((error) => faults.push(error))
    await client.end()
  })
  return {
    faults,
    [Symbol.asyncDispose]: async () => {
      isStopped = true
      await Promise.all(clients)
    },
  }
}
