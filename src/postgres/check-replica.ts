import { type Client, DatabaseError } from 'pg'
import { ConfigurationError } from '../errors.ts'
import { checkServer } from './check-server.ts'
import { createConnection } from './client.ts'
import { placeOf } from './connect-problem.ts'
import { isOutage } from './outage.ts'
import { databaseSchema } from './session.ts'

type Facts = {
  login: string
  /** Null where the server refuses to name it, as some hosted ones do. */
  cluster: string | null
  database: string
  isStandby: boolean
  unreadable: string[]
}

/** The identifier is made with the cluster, and its standbys have the same. */
const clusterText = 'select system_identifier::text as cluster from pg_control_system()'

// A table that is not there yet will follow.
const factsText = `
  select
    session_user as login,
    (select oid::text from pg_database where datname = current_database()) as database,
    pg_is_in_recovery() as "isStandby",
    array(
      select relname::text from pg_class where relnamespace = to_regnamespace('${databaseSchema}') and relkind in ('r', 'p')
        and not (has_schema_privilege(relnamespace, 'usage') and has_table_privilege(oid, 'select'))
      order by 1 limit 3
    ) as unreadable`

/**
 * Checks the replica that reports read. One that does not answer at the moment is no reason to refuse: runs wait for it.
 *
 * @param url address of the replica
 * @param primaryUrl address of the database
 * @param onWarning called with a sentence for each fault that can pass
 * @throws ConfigurationError when it is not a copy of the database, or its login may not read the tables
 */
export async function checkReplica(
  url: string,
  primaryUrl: string,
  onWarning: (message: string) => void,
): Promise<void> {
  try {
    await checkServer(url, { variable: 'LEDGER_DATABASE_URL', isOwn: false })
    const [primary, replica] = [await readFacts(primaryUrl), await readFacts(url)]
    const problem = problemOf(primary, replica)
    if (problem) throw new ConfigurationError(`Cannot use ${named(url)}: ${problem}.`)
    if (!replica.isStandby) {
      onWarning(
        `${sentence(named(url))} is not a standby: reports read from the primary, or from a copy that is behind.`,
      )
    }
  } catch (error) {
    const cause = error instanceof ConfigurationError ? error.cause : error
    if (!isOutage(cause)) throw error
    onWarning(`${sentence(named(url))} does not answer at the moment. Runs of built-in reports wait for it.`)
  }
}

function named(url: string): string {
  return `${placeOf(url)}, which LEDGER_DATABASE_URL names`
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)},`
}

function problemOf(primary: Facts, { login, cluster, database, unreadable }: Facts): string | null {
  const isOther = cluster !== null && primary.cluster !== null && cluster !== primary.cluster
  if (isOther || database !== primary.database) {
    return 'it is not a copy of the database that DATABASE_URL names. Name a standby that follows this database by streaming replication'
  }
  return unreadable.length > 0
    ? `its login ${login} may not read ${unreadable.join(', ')}. Run on the primary: grant usage on schema ${databaseSchema} to ${login}; grant select on all tables in schema ${databaseSchema} to ${login}; alter default privileges in schema ${databaseSchema} grant select on tables to ${login};`
    : null
}

async function readFacts(url: string): Promise<Facts> {
  const client: Client = createConnection(url, 'report-gateway start')
  try {
    await client.connect()
    const { rows } = await client.query<Omit<Facts, 'cluster'>>(factsText)
    const [facts] = rows
    if (!facts) throw new Error('The server gave no answer.')
    const named = await client.query<{ cluster: string }>(clusterText).catch((error: unknown) => {
      if (error instanceof DatabaseError && /^(42|0A|55)/.test(error.code ?? '')) return null
      throw error
    })
    return { ...facts, cluster: named?.rows[0]?.cluster ?? null }
  } finally {
    await client.end()
  }
}
