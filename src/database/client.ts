import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { PrismaClient } from './generated/prisma/client.ts'

/** The Postgres schema that holds every table of ours, so that they never meet those of the database's owner. */
export const databaseSchema = 'report_gateway'

/** What every connection is opened with: our schema, and times and numbers in the form that the code expects. */
const sessionSettings = `-c search_path=${databaseSchema} -c datestyle=iso -c timezone=UTC -c intervalstyle=postgres`

/** A connection string in pg wins over other settings, so what it has as `options` is joined with ours. */
const connectionTo = (url: string): { connectionString: string; options: string } => {
  const target = new URL(url)
  const given = target.searchParams.get('options') ?? ''
  target.searchParams.delete('options')
  return { connectionString: target.href, options: `${given} ${sessionSettings}`.trim() }
}

export type PoolOptions = {
  url: string
  /** Most connections at once. */
  max: number
  /** Shown in pg_stat_activity. */
  applicationName: string
  /** Told of faults of idle connections; the pool replaces them by itself. */
  onError: (error: Error) => void
}

export const createPool = ({ url, max, applicationName, onError }: PoolOptions): pg.Pool => {
  const pool = new pg.Pool({
    ...connectionTo(url),
    max,
    application_name: applicationName,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
  })
  // Without a listener, an idle connection that Postgres ends would end the process.
  pool.on('error', onError)
  return pool
}

/** A connection outside any pool, for LISTEN and the like. It is not connected yet. */
export const createConnection = (url: string, applicationName: string): pg.Client => {
  const client = new pg.Client({
    ...connectionTo(url),
    application_name: applicationName,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  })
  // An error that nobody hears ends the process; the query that runs then, or the next one, fails with it.
  client.on('error', () => {})
  return client
}

export type Prisma = PrismaClient
/** What runs inside `prisma.$transaction(async (tx) => …)`. */
export type Transaction = Parameters<Parameters<PrismaClient['$transaction']>[0]>[0]

// Lists in conditions make a new text for each length, so neither plans nor prepared statements may grow for ever.
const mostStatements = 256

/** Gives each of the first texts a name, which makes Postgres keep it prepared; an empty name means not to. */
const createStatementNames = (): ((query: { sql: string }) => string) => {
  const names = new Map<string, string>()
  return ({ sql }) => {
    const known = names.get(sql)
    if (known) return known
    if (names.size >= mostStatements) return ''
    const name = `prisma_${names.size}`
    names.set(sql, name)
    return name
  }
}

export const createPrisma = (pool: pg.Pool): Prisma =>
  new PrismaClient({
    adapter: new PrismaPg(pool, { schema: databaseSchema, statementNameGenerator: createStatementNames() }),
    queryPlanCacheMaxSize: mostStatements,
    // Long, because a commit that races Prisma's own time limit can end the process (prisma/orm#29952).
    transactionOptions: { maxWait: 10_000, timeout: 30_000 },
  })
