import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { PrismaClient } from './generated/prisma/client.ts'

/** The Postgres schema that holds every table of ours, so that they never meet those of the database's tenant. */
export const databaseSchema = 'report_gateway'

/** Times and numbers in the form that the code expects. */
const valueSettings = '-c datestyle=iso -c timezone=UTC -c intervalstyle=postgres'
/** What every connection for SQL of ours is opened with. */
const sessionSettings = `-c search_path=${databaseSchema} ${valueSettings}`
/** And for SQL of others: it looks names up where its login does, writes nothing, and its strings end where they seem to. */
const foreignSettings = `${valueSettings} -c default_transaction_read_only=on -c standard_conforming_strings=on`

export type PoolOptions = {
  url: string
  /** Most connections at once. */
  max: number
  /** Shown in pg_stat_activity. */
  applicationName: string
  /** Told of faults of idle connections; the pool replaces them by itself. */
  onError: (error: Error) => void
  /** How long to wait for a connection, new or given back, in milliseconds. @default 10_000 */
  connectMilliseconds?: number
  /**
   * How long a statement may take, in milliseconds; unlimited unless given. With a limit, a connection whose other end is
   * gone without a word fails its query instead of keeping it for ever, and a transaction that was left open is ended.
   */
  statementMilliseconds?: number
  /** True to have every statement refused that would change something. */
  isReadOnly?: boolean
  /**
   * True for SQL that others wrote: names are looked up where the login looks, nothing can be written, and a connection serves
   * once, so that nothing stays of what a statement has set or locked. @default false
   */
  isForeign?: boolean
}

/** Longer than Postgres's own limit, so that it is Postgres that ends a statement as long as it is there to do so. */
const answerMilliseconds = 1_000
const idleTransactionMilliseconds = 5_000

export function createPool(options: PoolOptions): pg.Pool {
  const {
    url,
    max,
    applicationName,
    onError,
    connectMilliseconds = 10_000,
    statementMilliseconds,
    isForeign = false,
  } = options
  const readOnly = options.isReadOnly ? ' -c default_transaction_read_only=on' : ''
  const limits = statementMilliseconds
    ? ` -c statement_timeout=${statementMilliseconds} -c idle_in_transaction_session_timeout=${idleTransactionMilliseconds}`
    : ''
  const target = connectionTo(url, isForeign ? foreignSettings : sessionSettings)
  const pool = new pg.Pool({
    ...target,
    options: target.options + limits + readOnly,
    max,
    application_name: applicationName,
    connectionTimeoutMillis: connectMilliseconds,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    ...(isForeign && { maxUses: 1 }),
    ...(statementMilliseconds && { query_timeout: statementMilliseconds + answerMilliseconds }),
  })
  // Without a listener, a connection that Postgres ends would end the process: an idle one, and one that was given back with
  // an error, to which the pool does not listen any more.
  pool.on('error', (error) => onError(error))
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

/**
 * What ends a new pool: it waits for the queries under way, and cuts them off after the time given, in milliseconds. One
 * that waits for a lock, or for a server that is gone, might have no answer ever.
 */
export function createPoolCloser(pool: pg.Pool): (patienceMilliseconds: number) => Promise<void> {
  const clients = new Set<pg.PoolClient>()
  pool.on('connect', (client) => clients.add(client))
  pool.on('remove', (client) => clients.delete(client))
  return async (patienceMilliseconds) => {
    const cutOff = setTimeout(() => {
      // With a query under way this cuts the connection.
      for (const client of clients) if (client instanceof pg.Client) void client.end()
    }, patienceMilliseconds)
    await pool.end()
    clearTimeout(cutOff)
  }
}

/**
 * A connection outside any pool, for LISTEN and the like. It is not connected yet.
 *
 * @param limitMilliseconds how long it may take to connect, and each query to be answered; 10 s to connect, and no limit
 * for queries, unless given
 */
export function createConnection(
  url: string,
  applicationName: string,
  limitMilliseconds?: number,
): pg.Client {
  const client = new pg.Client({
    ...connectionTo(url),
    application_name: applicationName,
    connectionTimeoutMillis: limitMilliseconds ?? 10_000,
    keepAlive: true,
    ...(limitMilliseconds && { query_timeout: limitMilliseconds }),
  })
  // An error that nobody hears ends the process; the query that runs then, or the next one, fails with it.
  client.on('error', () => {})
  return client
}

export type Prisma = PrismaClient
/** What runs inside `prisma.$transaction(async (tx) => …)`. */
export type Transaction = Parameters<Parameters<PrismaClient['$transaction']>[0]>[0]

// Lists in conditions make a new text for each length, so neither plans nor prepared statements may grow for ever.
const maxStatements = 256

export function createPrisma(pool: pg.Pool): Prisma {
  return new PrismaClient({
    adapter: new PrismaPg(pool, { schema: databaseSchema, statementNameGenerator: createStatementNames() }),
    queryPlanCacheMaxSize: maxStatements,
    // Long, because a commit that races Prisma's own time limit can end the process (prisma/orm#29952).
    transactionOptions: { maxWait: 10_000, timeout: 30_000 },
  })
}

/** A connection string in pg wins over other settings, so what it has as `options` is joined with ours. */
function connectionTo(
  url: string,
  settings = sessionSettings,
): { connectionString: string; options: string } {
  const target = new URL(url)
  const given = target.searchParams.get('options') ?? ''
  target.searchParams.delete('options')
  return { connectionString: target.href, options: `${given} ${settings}`.trim() }
}

/** Gives each of the first texts a name, which makes Postgres keep it prepared; an empty name means not to. */
function createStatementNames(): (query: { sql: string }) => string {
  const names = new Map<string, string>()
  return ({ sql }) => {
    const known = names.get(sql)
    if (known) return known
    if (names.size >= maxStatements) return ''
    const name = `prisma_${names.size}`
    names.set(sql, name)
    return name
  }
}
