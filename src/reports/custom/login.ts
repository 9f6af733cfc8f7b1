import { createHmac } from 'node:crypto'
import { type Client, escapeIdentifier, escapeLiteral, type PoolClient } from 'pg'
import { ConfigurationError } from '../../errors.ts'
import { ledgerTables } from '../../ledger/rows.ts'
import { checkServer } from '../../postgres/check-server.ts'
import { createConnection } from '../../postgres/client.ts'
import { queueSchema } from '../../postgres/rights.ts'
import { databaseSchema } from '../../postgres/session.ts'

/** The login for custom reports on the embedded Postgres. */
export const readerRole = 'report_gateway_reader'

/** Maximum size of the temporary files of a statement, of which a sort or a join of many rows takes some. */
const maxTemporaryFiles = '10GB'

/** The gateway's tables that a login for reports can read. */
const readableTables = [...Object.keys(ledgerTables), 'ledger_coverage']

/**
 * Checks the login for custom reports that the operator names, or else creates that of the embedded Postgres.
 *
 * @param openAdmin opens the embedded Postgres, and returns the URL of its superuser
 * @returns the URL of the login
 * @throws ConfigurationError when the login cannot be used
 */
export async function openReader(
  databaseUrl: string | null,
  openAdmin: () => Promise<string>,
): Promise<string> {
  if (databaseUrl === null) return ensureReader(await openAdmin())
  await checkServer(databaseUrl, { variable: 'REPORTS_DATABASE_URL', isOwn: false })
  return databaseUrl
}

/**
 * Creates the login for reports on the embedded Postgres, unless it exists. It can read the ledger and what is granted
 * to it. SET ROLE for each report would not be safe, because a report can reset the role with set_config.
 *
 * @param adminUrl URL of a superuser, with its password
 * @returns the URL of the login, with its password
 */
export async function ensureReader(adminUrl: string): Promise<string> {
  const url = new URL(adminUrl)
  // Derived from the superuser's password, so no second secret must be stored.
  const password = createHmac('sha256', decodeURIComponent(url.password))
    .update(readerRole)
    .digest('base64url')
  const admin = createConnection(adminUrl, 'report-gateway start')
  try {
    await admin.connect()
    await createReader(admin, password)
  } finally {
    await admin.end()
  }
  url.username = readerRole
  url.password = password
  return url.href
}

/** Predefined roles of Postgres that can write, or reach beyond tables. */
const privilegedRoles = [
  'pg_execute_server_program',
  'pg_read_server_files',
  'pg_signal_backend',
  'pg_write_all_data',
  'pg_write_server_files',
]

// Includes all roles that the login is a member of, because a statement can switch to them.
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
    array(select rolname::text from mine where rolname = any ($1) order by 1) as privileged,
    array(
      select distinct schema || '.' || relname from tables, mine
      where has_table_privilege(mine.oid, tables.oid, 'insert, update, delete, truncate') order by 1 limit 3
    ) as writable,
    array(
      select distinct schema || '.' || relname from tables, mine
      where schema = any ($2) and relname <> all ($3) and has_table_privilege(mine.oid, tables.oid, 'select') order by 1 limit 3
    ) as secret`

type Rights = {
  login: string
  isSuperuser: boolean
  privileged: string[]
  writable: string[]
  secret: string[]
}

/**
 * Warns when statements of a login can fill the disk of Postgres with temporary files. Only an administrator can set the
 * limit, and a report cannot lift it.
 */
export async function warnOfTemporaryFiles(
  client: PoolClient,
  onWarning: (message: string) => void,
): Promise<void> {
  const { rows } = await client.query<{ login: string; limit: string }>(
    `select current_user as login, current_setting('temp_file_limit') as limit`,
  )
  const [row] = rows
  if (row?.limit !== '-1') return
  onWarning(
    `The login ${row.login} of REPORTS_DATABASE_URL has no temp_file_limit, so a report can fill the disk of Postgres. ` +
      `Let an administrator run: alter role ${escapeIdentifier(row.login)} set temp_file_limit = '${maxTemporaryFiles}';`,
  )
}

/**
 * Checks that a login can only read, and no table of the gateway beyond the ledger.
 *
 * @throws ConfigurationError that names the excess right
 */
export async function checkReader(client: PoolClient): Promise<void> {
  const schemas = [databaseSchema, queueSchema]
  const { rows } = await client.query<Rights>(rightsOf, [privilegedRoles, schemas, readableTables])
  const [rights] = rows
  const excess = rights && excessRight(rights)
  if (!excess) return
  throw new ConfigurationError(
    `REPORTS_DATABASE_URL logs in as ${rights.login}, which ${excess}. Reports need a login that can only read: create role reports login password '…'; grant select on … to reports.`,
  )
}

async function createReader(admin: Client, password: string): Promise<void> {
  const tables = readableTables.map((table) => `${databaseSchema}.${table}`).join(', ')
  await admin.query('begin')
  // Several processes can start at the same time, and all databases of a server share the roles.
  await admin.query('lock table pg_authid, pg_db_role_setting in share row exclusive mode')
  const { rowCount } = await admin.query('select from pg_roles where rolname = $1', [readerRole])
  if (rowCount === 0) await admin.query(`create role ${readerRole}`)
  await admin.query(`alter role ${readerRole} login password ${escapeLiteral(password)}`)
  await admin.query(`alter role ${readerRole} set temp_file_limit = '${maxTemporaryFiles}'`)
  await admin.query(`alter role ${readerRole} set search_path = public, ${databaseSchema}`)
  await admin.query(`grant usage on schema ${databaseSchema} to ${readerRole}`)
  await admin.query(`grant select on ${tables} to ${readerRole}`)
  await admin.query('commit')
}

/** A right beyond reading, as the predicate of a sentence; null when there is none. */
function excessRight({ isSuperuser, privileged, writable, secret }: Rights): string | null {
  if (isSuperuser) return 'is a superuser'
  if (privileged.length > 0) return `is a member of ${privileged.join(', ')}`
  if (writable.length > 0) return `can write to ${writable.join(', ')}`
  if (secret.length > 0) return `can read internal tables of the gateway (${secret.join(', ')})`
  return null
}
