import pg from 'pg'
import { migrate } from '../../src/postgres/migrate.ts'
import { startOwnPostgres } from '../../test/support/own-postgres.ts'
import { pin } from './pinned.ts'

/** Settings beside those of the embedded Postgres: less interference by checkpoints, and faster building of indexes. */
const extraSettings = { checkpoint_timeout: '30min', maintenance_work_mem: '512MB' } as const

/** The settings that matter most, for the circumstances of the results. */
const shownSettings = [
  'shared_buffers',
  'max_wal_size',
  'random_page_cost',
  'fsync',
  'synchronous_commit',
  ...Object.keys(extraSettings),
]

export type Database = {
  url: string
  /** Runs a statement and gives its rows. Without values, the text can hold several statements, whose rows are not given. */
  query<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>
}

export type BenchPostgres = AsyncDisposable & {
  version: string
  /** The settings that matter most. */
  settings: Readonly<Record<string, string>>
  /** A new database with our tables, and without rows. */
  createDatabase(name: string): Promise<Database>
  /** Removes a database whose row is done, to free the disk. */
  dropDatabase(name: string): Promise<void>
  /** Pins the server, with all its processes, to the core of the load. */
  pinToLoad(): Promise<void>
}

/** Starts a Postgres for the bench alone. */
export async function startPostgres(): Promise<BenchPostgres> {
  const server = await startOwnPostgres()
  const superuser = databaseAt(server.database.url)
  for (const [name, value] of Object.entries(extraSettings))
    await superuser.query(`alter system set ${name} = '${value}'`)
  await superuser.query('select pg_reload_conf()')
  const [version] = await superuser.query<{ server_version: string }>('show server_version')
  const settings = await superuser.query<{ name: string; value: string }>(
    'select name, current_setting(name) as value from unnest($1::text[]) as setting(name)',
    [shownSettings],
  )
  const [postmaster] = await superuser.query<{ pid: number }>(
    `select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::integer as pid`,
  )
  if (!postmaster) throw new Error('Postgres has no process.')
  const { pid } = postmaster
  // Without this, it would run on when this process is interrupted.
  const stop = (): void => void process.kill(pid, 'SIGQUIT')
  process.once('exit', stop)
  const urlOf = (name: string): string => Object.assign(new URL(server.database.url), { pathname: name }).href
  return {
    version: version?.server_version ?? '',
    settings: Object.fromEntries(settings.map(({ name, value }) => [name, value])),
    createDatabase: async (name) => {
      await superuser.query(`create database ${name}`)
      await migrate(urlOf(name))
      return databaseAt(urlOf(name))
    },
    dropDatabase: async (name) => {
      await superuser.query(`drop database ${name} with (force)`)
    },
    pinToLoad: async () => pin('load', pid),
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]()
      process.off('exit', stop)
    },
  }
}

function databaseAt(url: string): Database {
  return {
    url,
    query: async <Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) => {
      const client = new pg.Client({ connectionString: url, options: '-c search_path=report_gateway' })
      await client.connect()
      try {
        return (await client.query<Row>(text, values.length > 0 ? [...values] : undefined)).rows
      } finally {
        await client.end()
      }
    },
  }
}
