import pg from 'pg'
import type { Postmaster } from './postmaster.ts'
import { type ClusterRecord, recordPath } from './record.ts'

export const databaseName = 'report_gateway'

/** SQLSTATEs that waiting does not change: invalid_authorization_specification, invalid_password. */
const refusals = ['28000', '28P01']

/**
 * Whether a server lets us in to the database `report_gateway`, which is created when it is missing if
 * `whenMissing` says so.
 *
 * @throws when the server refuses the password, when the database cannot be created
 */
export async function canLogIn(
  { port, status }: Postmaster,
  { dataDir, password }: ClusterRecord,
  whenMissing: 'create' | 'wait',
): Promise<boolean> {
  // Before it is ready, an attempt would only fill its log with refusals.
  if (status !== 'ready') return false
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password,
    database: whenMissing === 'create' ? 'postgres' : databaseName,
    // Otherwise the variable PGSSLMODE, meant for another server, would decide.
    ssl: false,
    application_name: 'report-gateway start',
    connectionTimeoutMillis: 5_000,
    query_timeout: 15_000,
  })
  // Without a listener, an error of the connection would end the process.
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (cause) {
    if (!(cause instanceof pg.DatabaseError && refusals.includes(cause.code ?? ''))) return false
    throw new Error(`The embedded Postgres refuses the password in ${recordPath(dataDir)}.`, { cause })
  }
  try {
    if (whenMissing === 'wait') return true
    const { rowCount } = await client.query('select from pg_database where datname = $1', [databaseName])
    if (rowCount === 0) await client.query(`create database ${databaseName}`)
    return true
  } finally {
    await client.end()
  }
}
