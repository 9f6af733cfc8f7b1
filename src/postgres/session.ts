/** The Postgres schema of all our tables, so that their names never conflict with other tables of the database. */
export const databaseSchema = 'report_gateway'

export type SessionOptions = {
  /**
   * Maximum time of a statement, in milliseconds; unlimited unless given. With a limit, a query on a silently dead
   * connection fails instead of waiting forever, and Postgres ends a transaction that was left open.
   */
  statementMilliseconds?: number
  /** True to make Postgres reject every statement that would change data. */
  isReadOnly?: boolean
  /** True for the SQL of custom reports: names resolve through the login's own search path, and transactions are read-only. */
  isForeign?: boolean
}

const idleTransactionMilliseconds = 5_000

/** Settings that make Postgres read and write values in the way that the code expects. */
const valueSettings = {
  timezone: 'UTC',
  datestyle: 'ISO, MDY',
  intervalstyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
}

/** Settings of our own SQL. */
const ownSettings = {
  search_path: databaseSchema,
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  row_security: 'on',
  array_nulls: 'on',
  transform_null_equals: 'off',
  lc_monetary: 'C',
  lc_numeric: 'C',
  lc_time: 'C',
}

const readOnly = 'default_transaction_read_only'

// A database or a server that an operator has made read-only stays so: only the default of the login is replaced.
const writableLogin = `select set_config('${readOnly}', 'off', false)
  where current_setting('${readOnly}') = 'on'
    and (select source from pg_settings where name = '${readOnly}') in ('user', 'database user')`

/**
 * SQL that states every setting that the code relies on, because a login, a database or a server can have other defaults. A
 * connection runs it before anything else. The settings are not part of the login, because PgBouncer refuses most of them
 * there. The last row shows whether the session is read-only.
 */
export function sessionText({
  statementMilliseconds = 0,
  isReadOnly,
  isForeign,
}: SessionOptions = {}): string {
  const limits = {
    // First, because a limit of the login applies to the statements that follow.
    statement_timeout: String(statementMilliseconds),
    lock_timeout: '0',
    idle_in_transaction_session_timeout: String(statementMilliseconds && idleTransactionMilliseconds),
  }
  const settings = { ...limits, ...valueSettings, ...(isForeign ? {} : ownSettings) }
  return [
    ...Object.entries(settings).map(([name, value]) => `set ${name} = '${value}'`),
    since(14, 'idle_session_timeout', '0'),
    since(17, 'transaction_timeout', '0'),
    // Only an administrator can change it, so it is changed only where that is necessary.
    "select set_config('session_replication_role', 'origin', false) where current_setting('session_replication_role') <> 'origin'",
    isForeign || isReadOnly ? `set ${readOnly} = on` : writableLogin,
    `select current_setting('${readOnly}') = 'on' or pg_is_in_recovery() as "isReadOnly"`,
  ].join(';\n')
}

function since(version: number, name: string, value: string): string {
  return `select set_config('${name}', '${value}', false) where current_setting('server_version_num')::integer >= ${version * 10_000}`
}
