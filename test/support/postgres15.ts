import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import pg from 'pg'
import type { TestDatabase } from './database.ts'
import { pathOf } from './debian-tools.ts'
import {
  makeUnprivilegedFolder,
  onFreePort,
  runUnprivileged,
  spawnUnprivileged,
  type UnprivilegedProcess,
} from './unprivileged.ts'

const password = 'not-secret'

type UrlParts = { user?: string; password?: string; database?: string }

export type Postgres15 = AsyncDisposable & {
  port: number
  /** The data folder. Its owner is the account that Postgres runs under. */
  data: string
  /** The folder of the Unix socket, beside the data. */
  socketFolder: string
  /** The database `reports`, as the superuser `postgres`. */
  database: TestDatabase
  /** The same address for another login or database. */
  urlOf(parts: UrlParts): string
  /**
   * Runs a program of PostgreSQL 15, such as `pg_dump`, against this server and gives its standard output.
   * The superuser's login is in its environment (PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE).
   */
  run(program: string, args: readonly string[]): Promise<string>
  /** Ends the server at once, as a crash does, and waits until it has ended. */
  stop(): Promise<void>
  /** Starts it again where it was, and returns when it accepts logins. */
  start(): Promise<void>
  /** Makes a standby the primary. */
  promote(): Promise<void>
}

export type Postgres15Options = {
  /** Settings of the server in addition to the defaults of this support. */
  settings?: Record<string, string>
  /** Options of initdb. @default UTF-8, locale C */
  initdb?: readonly string[]
  /** The first lines of pg_hba.conf, before those that accept every login of this machine by password. */
  hba?: readonly string[]
  /** The server to copy with pg_basebackup; the copy is a standby that follows it. */
  standbyOf?: Postgres15
}

/** Starts a PostgreSQL 15 of Debian, with an empty database `reports`. Use it inside `describeWith(['postgres15'], …)`. */
export async function startPostgres15(options: Postgres15Options = {}): Promise<Postgres15> {
  await using cleanup = new AsyncDisposableStack()
  const { path: folder } = cleanup.use(await makeUnprivilegedFolder())
  const data = join(folder, 'data')
  await makeData(data, options)
  const startOn = async (port: number): Promise<UnprivilegedProcess> => {
    const settings = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: folder,
      // The data does not need to survive the test.
      fsync: 'off',
      ...options.settings,
      port: String(port),
    }
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const started = await spawnUnprivileged(programOf('postgres'), ['-D', data, ...flags])
    const url = urlOn(port, { database: 'postgres' })
    await started
      .waitUntil(() => query(url, 'select 1'))
      .catch(async (error) => {
        await started.end('SIGQUIT')
        throw error
      })
    return started
  }
  let [server, port] = await onFreePort(async (free) => [await startOn(free), free] as const)
  cleanup.defer(() => server.end('SIGQUIT'))
  const urlOf: Postgres15['urlOf'] = (parts) => urlOn(port, parts)
  if (!options.standbyOf) await query(urlOf({ database: 'postgres' }), 'create database reports')

  const own = cleanup.move()
  return {
    port,
    data,
    socketFolder: folder,
    database: {
      url: urlOf({}),
      query: (text, values) => query(urlOf({}), text, values),
      [Symbol.asyncDispose]: async () => {},
    },
    urlOf,
    run: (program, args) => runUnprivileged(programOf(program), args, loginOf(port)),
    stop: () => server.end('SIGQUIT'),
    start: async () => {
      server = await startOn(port)
    },
    promote: async () => {
      await query(urlOf({ database: 'postgres' }), 'select pg_promote()')
    },
    [Symbol.asyncDispose]: () => own.disposeAsync(),
  }
}

function urlOn(port: number, { user = 'postgres', database = 'reports', ...login }: UrlParts): string {
  return `postgres://${user}:${login.password ?? password}@127.0.0.1:${port}/${database}`
}

function programOf(name: string): string {
  return join(dirname(pathOf('postgres15')), name)
}

function loginOf(port: number): Record<string, string> {
  const login = { PGHOST: '127.0.0.1', PGUSER: 'postgres', PGPASSWORD: password, PGDATABASE: 'reports' }
  return { ...login, PGPORT: String(port) }
}

/** Creates the data folder, empty or as a copy of another server. */
async function makeData(data: string, { initdb, hba = [], standbyOf }: Postgres15Options): Promise<void> {
  if (standbyOf) {
    await standbyOf.run('pg_basebackup', ['-D', data, '-R', '--checkpoint=fast'])
    return
  }
  const passwordFile = `${data}.password`
  await writeFile(passwordFile, password)
  const how = initdb ?? ['--encoding=UTF8', '--locale=C']
  const superuser = ['-U', 'postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256']
  await runUnprivileged(programOf('initdb'), ['-D', data, '--no-sync', ...superuser, ...how])
  // The first line that matches a connection counts.
  const file = join(data, 'pg_hba.conf')
  await writeFile(file, [...hba, await readFile(file, 'utf8')].join('\n'))
}

async function query<Row extends pg.QueryResultRow>(
  connectionString: string,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString, options: '-c search_path=report_gateway' })
  await client.connect()
  try {
    return (await client.query<Row>(text, values)).rows
  } finally {
    await client.end()
  }
}
