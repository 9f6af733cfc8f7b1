import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { readPostgresUrl } from '../config/postgres-url.ts'
import { PrismaClient } from './generated/prisma/client.ts'
import { readOnlyState } from './outage.ts'
import { databaseSchema, type SessionOptions, sessionText } from './session.ts'
import { waitWhenShort } from './shortage.ts'
import { createStatementNames, maxStatements } from './statement-names.ts'
import { targetOf } from './target.ts'

/** With `isForeign`, each connection is used once, so that no setting or lock of a statement remains. */
export type PoolOptions = SessionOptions & {
  url: string
  /** Maximum number of connections. */
  max: number
  /** Shown in pg_stat_activity. */
  applicationName: string
  /** Called with the errors of idle connections, which the pool replaces. */
  onError: (error: Error) => void
  /** How long to wait for a new or a released connection, in milliseconds. @default that of the URL, or 10_000 */
  connectMilliseconds?: number
}

/** The client waits this much longer than the statement timeout, so that a reachable Postgres ends a statement itself. */
const answerMilliseconds = 1_000

const defaultConnectMilliseconds = 10_000

export type Prisma = PrismaClient

/** The client inside `prisma.$transaction(async (tx) => …)`. */
export type Transaction = Parameters<Parameters<PrismaClient['$transaction']>[0]>[0]

export function createPool(options: PoolOptions): pg.Pool {
  const { url, max, applicationName, onError, statementMilliseconds, isForeign = false } = options
  const { connectMilliseconds = connectLimit(url) } = options
  const text = sessionText(options)
  const pool = new pg.Pool({
    ...targetOf(url),
    max,
    application_name: applicationName,
    connectionTimeoutMillis: connectMilliseconds,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    onConnect: async (client) => {
      const { isReadOnly } = await startSession(client, text, connectMilliseconds)
      // A session stays read-only after its database has become writable again, so the pool must not keep it.
      if (isReadOnly && !isForeign && !options.isReadOnly) throw readOnlyError()
    },
    ...(isForeign && { maxUses: 1 }),
    ...(statementMilliseconds && { query_timeout: statementMilliseconds + answerMilliseconds }),
  })
  waitWhenShort(pool, connectMilliseconds)
  // Without these listeners, a connection that Postgres ends would end the process: the first listener is for idle
  // connections, the second for connections released with an error, to which the pool no longer listens.
  pool.on('error', (error) => onError(error))
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

/**
 * Returns a function that closes a new pool. It waits for the queries under way, and after the given time in milliseconds
 * closes their connections: a query that waits for a lock, or for an unreachable server, might never end.
 */
export function createPoolCloser(pool: pg.Pool): (waitMilliseconds: number) => Promise<void> {
  const clients = new Set<pg.PoolClient>()
  pool.on('connect', (client) => clients.add(client))
  pool.on('remove', (client) => clients.delete(client))
  return async (waitMilliseconds) => {
    const cutOff = setTimeout(() => {
      // With a query under way, `end` closes the connection at once.
      for (const client of clients) if (client instanceof pg.Client) void client.end()
    }, waitMilliseconds)
    await pool.end()
    clearTimeout(cutOff)
  }
}

/**
 * Creates a connection outside any pool, for example for LISTEN. It is not connected yet.
 *
 * @param limitMilliseconds maximum time to connect, and for each query; by default that of the URL or 10 s to connect, and
 * no limit for queries
 */
export function createConnection(
  url: string,
  applicationName: string,
  limitMilliseconds?: number,
): pg.Client {
  const connectMilliseconds = limitMilliseconds ?? connectLimit(url)
  const client = new pg.Client({
    ...targetOf(url),
    application_name: applicationName,
    connectionTimeoutMillis: connectMilliseconds,
    keepAlive: true,
    ...(limitMilliseconds && { query_timeout: limitMilliseconds }),
  })
  // Without a listener, an error would end the process. The current or the next query fails with the same error.
  client.on('error', () => {})
  // Sent before the first query of the caller, which must not run with other settings.
  client.once('connect', () => {
    startSession(client, sessionText(), connectMilliseconds).catch(() => client.end())
  })
  return client
}

export function createPrisma(pool: pg.Pool): Prisma {
  const nameOf = createStatementNames('prisma')
  return new PrismaClient({
    adapter: new PrismaPg(pool, {
      schema: databaseSchema,
      // A list in a condition creates a new SQL text for each length.
      statementNameGenerator: ({ sql }) => nameOf(sql),
    }),
    queryPlanCacheMaxSize: maxStatements,
    // Long, because a commit that races Prisma's own time limit can end the process (prisma/orm#29952). A transaction may
    // wait for its connection for longer than any request does.
    transactionOptions: { maxWait: 60_000, timeout: 30_000 },
  })
}

/**
 * Runs the work on a connection of the pool. After an error the connection is closed, because a statement that was not
 * answered in time would block the next one.
 */
export async function withClient<Result>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect()
  try {
    const result = await work(client)
    client.release()
    return result
  } catch (error) {
    client.release(true)
    throw error
  }
}

/** Runs the work in one transaction of this connection: either all of it takes effect, or none. */
export async function inTransaction<Result>(
  client: pg.ClientBase,
  work: () => Promise<Result>,
): Promise<Result> {
  await client.query('begin')
  try {
    const result = await work()
    await client.query('commit')
    return result
  } catch (error) {
    // A lost connection also ends the transaction, and the first error is more useful.
    await client.query('rollback').catch(() => {})
    throw error
  }
}

async function startSession(client: pg.ClientBase, text: string, milliseconds: number) {
  const query: pg.QueryConfig & { query_timeout: number } = { text, query_timeout: milliseconds }
  // Several statements have an array of results, which the types of `pg` do not know.
  const results: unknown = await client.query<{ isReadOnly: boolean }>(query)
  const last: unknown = Array.isArray(results) ? results.at(-1) : results
  const row = last instanceof pg.Result ? last.rows[0] : null
  return { isReadOnly: row?.isReadOnly === true }
}

function readOnlyError(): Error {
  const error = new pg.DatabaseError('The database is read-only.', 0, 'error')
  return Object.assign(error, { code: readOnlyState, severity: 'FATAL' })
}

function connectLimit(url: string): number {
  const { connectSeconds } = readPostgresUrl(url)
  return connectSeconds === null ? defaultConnectMilliseconds : connectSeconds * 1_000
}
