import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { makeDataFolder } from '../../src/config/folder.ts'
import { openEmbeddedPostgres } from '../../src/postgres/embedded/embedded-postgres.ts'
import { endsAfter, findPostmaster } from '../../src/postgres/embedded/postmaster.ts'
import { ensureServer } from '../../src/postgres/embedded/server.ts'
import type { TestDatabase } from './database.ts'

export type OwnPostgres = AsyncDisposable & {
  /** Without any tables. It ends with its server. */
  database: TestDatabase
  /** Ends it at once, as `pg_ctl stop -m immediate` does; it has to recover afterwards. */
  stop(): Promise<void>
  /** Starts it again where it was, and returns when it lets clients in. */
  start(): Promise<void>
}

/** A Postgres of this test's own, that it may stop and start. */
export async function startOwnPostgres(): Promise<OwnPostgres> {
  const folder = await mkdtemp('/tmp/report-gateway-test-')
  await chmod(folder, 0o711)
  const dataDir = await makeDataFolder(join(folder, 'data'), 0o711)
  // Made and given up, so that nobody but the test watches over it.
  const made = await openEmbeddedPostgres({ dataDir })
  const { port } = new URL(made.url)
  await made.close()
  const start = () => ensureServer({ dataDir, onProgress: () => {} }, Number(port))
  const { data } = await start()
  const stop = async (): Promise<void> => {
    const server = await findPostmaster(data)
    if (server) await endsAfter('SIGQUIT', server.pid, data)
  }
  const query = async <Row extends pg.QueryResultRow>(
    text: string,
    values: unknown[] = [],
  ): Promise<Row[]> => {
    const client = new pg.Client({ connectionString: made.url, options: '-c search_path=report_gateway' })
    await client.connect()
    try {
      return (await client.query<Row>(text, values)).rows
    } finally {
      await client.end()
    }
  }
  return {
    database: { url: made.url, query, [Symbol.asyncDispose]: async () => {} },
    stop,
    start: async () => {
      await start()
    },
    [Symbol.asyncDispose]: async () => {
      await stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
