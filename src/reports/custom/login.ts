import { createHmac } from 'node:crypto'
import { type Client, escapeLiteral, type PoolClient } from 'pg'
import { ConfigurationError } from '../../errors.ts'
import { ledgerTables } from '../../ledger/rows.ts'
import { createConnection, databaseSchema } from '../../postgres/client.ts'
import { queueSchema } from '../../postgres/queue.ts'

/** The login that custom reports have on the embedded Postgres. */
export const readerRole = 'report_gateway_reader'

/** What a login for reports may read of ours. */
const readableTables = [...Object.keys(ledgerTables), 'ledger_coverage']

/**
 * Makes the login for reports on a server that is all ours, unless it is there. It reads the ledger, and whatever else was
 * granted to it. To SET ROLE for each report would not do, because the report itself can set it back, by set_config.
 *
 * @param adminUrl of a superuser, with its password
 * @returns the URL to log in with
 */
export async function ensureReader(adminUrl: string): Promise<string> {
  const url = new URL(adminUrl)
  // Made from the superuser's, so that there is no second secret to keep.
  const password = createHmac('sha256', decodeURIComponent(url.password))
    .update(readerRole)
    .digest('base64url')
  const admin = createConnection(adminUrl, 'report-gateway start')
  try {
    await admin.connect()
    await makeReader(admin, password)
  } finally {
    await admin.end()
  }
  url.username = readerRole
  url.password = password
  return url.href
}

/** Roles of Postgres's own that reach beyond tables, or write. */
const mightyRoles = [
  'pg_execute_server_program',
  'pg_read_server_files',
  'pg_signal_backend',
  'pg_write_all_data',
  'pg_write_server_files',
]

// All roles that it may become count, because a statement can become them, too.
const rightsOf = `
  with mine as (select oid, rolname, rolsuper from pg_roles where pg_has_role(oid, 'member')),
    tables as (
      select oid, relname, relnamespace::regnamespace::text as schema
      from pg_class
      where relkind in ('r', 'p', 'v', 'm', 'f')
        and relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    )
  select
    current_user as login,
    (select bool_or(rolsuper) from mine) as "isSuperuser",
    array(select rolname::text from mine where rolname = any ($1) order by 1) as mighty,
    array(
      select distinct schema || '.' || relname from tables, mine
      where has_table_privilege(mine.oid, tables.oid, 'insert, update, delete, truncate') order by 1 limit 3
    ) as writable,
    array(
      select distinct schema || '.' || relname from tables, mine
      where schema = any ($2) and relname <> all ($3) and has_table_privilege(mine.oid, tables.oid, 'select') order by 1 limit 3
    ) as secret`

type Rights = { login: string; isSuperuser: boolean; mighty: string[]; writable: string[]; secret: string[] }

/**
 * Checks that a login can do no harm, whatever a report says.
 *
 * @throws ConfigurationError that names what it may do too much
 */
export async function checkReader(client: PoolClient): Promise<void> {
  const schemas = [databaseSchema, queueSchema]
  const { rows } = await client.query<Rights>(rightsOf, [mightyRoles, schemas, readableTables])
  const [rights] = rows
  const fault = rights && tooMuch(rights)
  if (!fault) return
  throw new ConfigurationError(
    `REPORTS_DATABASE_URL logs in as ${rights.login}, which ${fault}. Reports need a login of their own that can only read: create role reports login password '…'; grant select on … to reports.`,
  )
}

async function makeReader(admin: Client, password: string): Promise<void> {
  const tables = readableTables.map((table) => `${databaseSchema}.${table}`).join(', ')
  await admin.query('begin')
  // Several processes may start at once on one server, in one database or in several, which share their roles.
  await admin.query('lock table pg_authid, pg_db_role_setting in share row exclusive mode')
  const { rowCount } = await admin.query('select from pg_roles where rolname = $1', [readerRole])
  if (rowCount === 0) await admin.query(`create role ${readerRole}`)
  await admin.query(`alter role ${readerRole} login password ${escapeLiteral(password)}`)
  await admin.query(`alter role ${readerRole} set search_path = public, ${databaseSchema}`)
  await admin.query(`grant usage on schema ${databaseSchema} to ${readerRole}`)
  await admin.query(`grant select on ${tables} to ${readerRole}`)
  await admin.query('commit')
}

function tooMuch({ isSuperuser, mighty, writable, secret }: Rights): string | null {
  if (isSuperuser) return 'is a superuser'
  if (mighty.length > 0) return `is a member of ${mighty.join(', ')}`
  if (writable.length > 0) return `may write to ${writable.join(', ')}`
  if (secret.length > 0) return `may read ${secret.join(', ')}, which belong to the gateway`
  return null
}
