import { type ClientBase, DatabaseError, escapeIdentifier } from 'pg'
import { ConfigurationError } from '../errors.ts'
import { databaseSchema } from './session.ts'

/** The Postgres schema of pg-boss; not its default, which another program in the same database may use. */
export const queueSchema = 'report_gateway_queue'

const schemas = [databaseSchema, queueSchema]

type Rights = {
  login: string
  database: string
  /** Existing schemas of ours. */
  present: string[]
  /** Those that the login may not use, and those whose tables it may not all read and write. */
  unusable: string[]
  limited: string[]
  canCreate: boolean
}

const rightsOf = `
  with ours as (select oid, nspname::text as name from pg_namespace where nspname = any ($1))
  select
    session_user as login,
    current_database() as database,
    has_database_privilege(current_database(), 'create') as "canCreate",
    array(select name from ours order by name) as present,
    array(select name from ours where not has_schema_privilege(oid, 'usage') order by name) as unusable,
    array(
      select distinct ours.name from ours join pg_class on relnamespace = ours.oid
      where relkind in ('r', 'p') and not (
        has_table_privilege(pg_class.oid, 'select') and has_table_privilege(pg_class.oid, 'insert')
        and has_table_privilege(pg_class.oid, 'update') and has_table_privilege(pg_class.oid, 'delete')
      ) or relkind = 'S' and not has_sequence_privilege(pg_class.oid, 'usage')
      order by 1
    ) as limited`

/**
 * Creates a schema of ours unless it exists. "create schema if not exists" needs the right to create schemas even then.
 *
 * @throws ConfigurationError with the statements for an administrator when the login may not create it
 */
export async function createSchema(client: ClientBase, schema: string): Promise<void> {
  const { rowCount } = await client.query('select from pg_namespace where nspname = $1', [schema])
  if (rowCount && rowCount > 0) return
  try {
    await client.query(`create schema if not exists ${schema}`)
  } catch (error) {
    if (!isDenied(error)) throw error
    const { login, database, present } = await readRights(client)
    const missing = schemas.filter((name) => !present.includes(name))
    const [role, place] = [login, database].map(escapeIdentifier)
    throw new ConfigurationError(
      `The login ${login} may not create schemas in the database ${database}. Run "npm run migrate" with a login that may, ` +
        `or let an administrator run: ${missing.map((name) => `create schema ${name} authorization ${role};`).join(' ')} ` +
        `Or: grant create on database ${place} to ${role};`,
      { cause: error },
    )
  }
}

/**
 * Checks that the login can use the tables that exist.
 *
 * @throws ConfigurationError with the statements for the owner when it cannot
 */
export async function checkRights(client: ClientBase): Promise<void> {
  const { login, unusable, limited } = await readRights(client)
  if (unusable.length + limited.length === 0) return
  const statements = grantsFor(login, [...new Set([...unusable, ...limited])])
  throw new ConfigurationError(
    `The login ${login} may not read and write all tables of the gateway. Let the owner of the tables run: ${statements.join(' ')}`,
  )
}

/** The statements that let a login use the tables of some schemas, and the tables that the owner creates later. */
export function grantsFor(login: string, names: readonly string[] = schemas): string[] {
  const role = escapeIdentifier(login)
  const list = names.join(', ')
  return [
    `grant usage on schema ${list} to ${role};`,
    `grant select, insert, update, delete on all tables in schema ${list} to ${role};`,
    `grant usage on all sequences in schema ${list} to ${role};`,
    `alter default privileges in schema ${list} grant select, insert, update, delete on tables to ${role};`,
    `alter default privileges in schema ${list} grant usage on sequences to ${role};`,
  ]
}

/** The error, or when it denies a right, one that says which login can do what is needed. */
export function migrationProblem(what: string, error: unknown): unknown {
  if (!isDenied(error)) return error
  return new ConfigurationError(
    `The login may not ${what}: ${error.message}. Run "npm run migrate" with the login that owns the schemas ${schemas.join(' and ')}.`,
    { cause: error },
  )
}

/** SQLSTATE insufficient_privilege. */
export function isDenied(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && error.code === '42501'
}

async function readRights(client: ClientBase): Promise<Rights> {
  const { rows } = await client.query<Rights>(rightsOf, [schemas])
  const [rights] = rows
  if (!rights) throw new Error('Postgres did not name the rights of the login.')
  return rights
}
