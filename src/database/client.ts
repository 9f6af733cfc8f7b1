import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { PrismaClient } from './generated/prisma/client.ts'

/** The Postgres schema that holds every table of ours, so that they never meet those of the database's owner. */
export const databaseSchema = 'report_gateway'

/** What every connection is opened with: our schema, and times and numbers in the form that the code expects. */
const sessionSettings = `-c search_path=${databaseSchema} -c datestyle=iso -c timezone=UTC -c intervalstyle=postgres`

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
    connectionString: url,
    options: sessionSettings,
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
export const createConnection = (url: string, applicationName: string): pg.Client =>
  new pg.Client({
    connectionString: url,
    options: sessionSettings,
    application_name: applicationName,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  })

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
