import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { type Client, DatabaseError } from 'pg'
import { ConfigurationError } from '../errors.ts'
import { createConnection, inTransaction } from './client.ts'
import { checkRights, createSchema, isDenied, migrationProblem, queueSchema } from './rights.ts'
import { databaseSchema } from './session.ts'

const migrationsFolder = new URL('../../prisma/migrations/', import.meta.url)
// An arbitrary number that no other program is likely to lock in the same database.
const migrationLock = 7_203_614_871
// The lock of `prisma migrate deploy`.
const prismaLock = 72_707_369

/** The schema exists by then, and its creation needs a right even so. */
const schemaStatement = `CREATE SCHEMA IF NOT EXISTS "${databaseSchema}";`

const recordTable = `${databaseSchema}._prisma_migrations`

/** SQLSTATE lock_not_available. */
const lockTimeout = '55P03'
// How soon Postgres stops waiting on behalf of a process that is gone.
const lockWaitMilliseconds = 1_000

/**
 * Applies the migrations that the database lacks, in our own schema and under a lock, so that any number of processes can
 * start at once. Each migration and its record are one transaction, so that a killed process or server leaves it either
 * applied or not started. Prisma's own engine would leave it partly applied, and would then reject the database. The
 * records are the same as those of `prisma migrate deploy`.
 *
 * @param signal ends the wait for another process that migrates; migrations that have started are completed
 * @returns names of the migrations that this call applied
 * @throws ConfigurationError with the statements that are missing when the login lacks a right
 */
export async function migrate(
  url: string,
  signal: AbortSignal = new AbortController().signal,
): Promise<string[]> {
  const client = createConnection(url, 'report-gateway migrate')
  const leave = (): void => void client.end().catch(() => {})
  try {
    await client.connect()
    // With a query under way, `end` closes the connection at once.
    signal.addEventListener('abort', leave, { once: true })
    await takeLock(client, signal)
    await checkRights(client)
    for (const schema of [databaseSchema, queueSchema]) await createSchema(client, schema)
    const missing = await findMissing(client)
    if (missing.length === 0) return []
    // From here on, the migrations are completed.
    signal.removeEventListener('abort', leave)
    await prepareRecords(client)
    for (const name of missing) await applyMigration(client, name)
    return missing
  } catch (error) {
    throw migrationProblem('migrate the database', error)
  } finally {
    signal.removeEventListener('abort', leave)
    // Also releases the locks.
    await client.end()
  }
}

/**
 * Checks that the login can use the database and that no migration is missing, without changing anything.
 *
 * @throws ConfigurationError when a right or a migration is missing
 */
export async function checkMigrated(url: string): Promise<void> {
  const client = createConnection(url, 'report-gateway migrate')
  try {
    await client.connect()
    await checkRights(client)
    const missing = await findMissing(client)
    if (missing.length === 0) return
    throw new ConfigurationError(
      `The database lacks ${missing.length} migrations of this version. Check DATABASE_URL or DATA_DIR, or run "npm run migrate".`,
    )
  } catch (error) {
    throw migrationProblem('read the migrations of the database', error)
  } finally {
    await client.end()
  }
}

/** @throws when an earlier version, or Prisma's engine, has started a migration and not finished it */
async function findMissing(client: Client): Promise<string[]> {
  const names = await listMigrations()
  const { rows: tables } = await client.query('select where to_regclass($1) is not null', [recordTable])
  if (tables.length === 0) return names
  const { rows } = await client.query<{ name: string; isFinished: boolean }>(
    `select migration_name as name, finished_at is not null as "isFinished" from ${recordTable} where rolled_back_at is null`,
  )
  const failed = rows.find(({ isFinished }) => !isFinished)
  if (failed) {
    throw new ConfigurationError(
      `The database has a failed migration: ${failed.name} was started and not finished. ` +
        `Restore the database, or undo the changes of this migration and run: npx prisma migrate resolve --rolled-back ${failed.name}`,
    )
  }
  const recorded = new Set(rows.map(({ name }) => name))
  return names.filter((name) => !recorded.has(name))
}

/** Names of the migrations in `prisma/migrations`, oldest first. */
async function listMigrations(): Promise<string[]> {
  const entries = await readdir(migrationsFolder, { withFileTypes: true })
  return entries.flatMap((entry) => (entry.isDirectory() ? entry.name : [])).sort()
}

/** Creates the table of records in the form that Prisma uses. */
async function prepareRecords(client: Client): Promise<void> {
  await client.query('select pg_advisory_lock($1)', [prismaLock])
  await client.query(`
    create table if not exists ${recordTable} (
      id varchar(36) primary key,
      checksum varchar(64) not null,
      finished_at timestamptz,
      migration_name varchar(255) not null,
      logs text,
      rolled_back_at timestamptz,
      started_at timestamptz not null default now(),
      applied_steps_count integer not null default 0
    )`)
}

async function applyMigration(client: Client, name: string): Promise<void> {
  const statements = await readFile(new URL(`${name}/migration.sql`, migrationsFolder), 'utf8')
  const checksum = createHash('sha256').update(statements).digest('hex')
  try {
    await inTransaction(client, async () => {
      await client.query(statements.replace(schemaStatement, ''))
      await client.query(
        `insert into ${recordTable} (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
        values ($1, $2, $3, now(), clock_timestamp(), 1)`,
        [randomUUID(), checksum, name],
      )
    })
  } catch (cause) {
    if (isDenied(cause)) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`The migration ${name} failed and was rolled back: ${reason}`, { cause })
  }
}

/** Takes the lock, which waits while another process migrates. */
async function takeLock(connection: Client, signal: AbortSignal): Promise<void> {
  await connection.query(`set lock_timeout = ${lockWaitMilliseconds}`)
  while (true) {
    signal.throwIfAborted()
    try {
      await connection.query('select pg_advisory_lock($1)', [migrationLock])
      break
    } catch (error) {
      if (!(error instanceof DatabaseError && error.code === lockTimeout)) throw error
    }
  }
  await connection.query('set lock_timeout = 0')
}
