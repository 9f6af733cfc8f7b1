import { readdir, readFile } from 'node:fs/promises'
import { type Client, DatabaseError } from 'pg'
import { createConnection, databaseSchema } from './client.ts'

const migrationsFolder = new URL('../../prisma/migrations/', import.meta.url)
// Any number that no one else is likely to lock in the same database.
const migrationLock = 7_203_614_871

/** SQLSTATE lock_not_available. */
const lockTimeout = '55P03'
// How soon Postgres forgets a process that waits and has gone.
const lockWaitMilliseconds = 1_000

/**
 * Applies the migrations that the database lacks, in our own schema, under a lock, so that any number of processes
 * may start at once. Keeps the same records as `prisma migrate deploy`.
 *
 * @param signal ends the wait for another process that migrates; what this one has begun it brings to its end
 * @returns names of the migrations applied now
 */
export async function migrate(
  url: string,
  signal: AbortSignal = new AbortController().signal,
): Promise<string[]> {
  const lock = createConnection(url, 'report-gateway migrate')
  const leave = (): void => void lock.end().catch(() => {})
  try {
    await lock.connect()
    // With a query under way, that cuts the connection at once.
    signal.addEventListener('abort', leave, { once: true })
    await takeLock(lock, signal)
    const names = await listMigrations()
    if (await isMigrated(lock, names)) return []
    // What was begun is brought to its end.
    signal.removeEventListener('abort', leave)
    await lock.query(`create schema if not exists ${databaseSchema}`)
    return await applyMigrations(url, names)
  } finally {
    signal.removeEventListener('abort', leave)
    // Gives the lock back too.
    await lock.end()
  }
}

/** Names of the migrations in `prisma/migrations`, oldest first. */
async function listMigrations(): Promise<string[]> {
  const entries = await readdir(migrationsFolder, { withFileTypes: true })
  return entries.flatMap((entry) => (entry.isDirectory() ? entry.name : [])).sort()
}

/** True when Prisma's records leave the engine nothing to apply and nothing to refuse, as at almost every start. */
async function isMigrated(client: Client, names: readonly string[]): Promise<boolean> {
  const table = `${databaseSchema}._prisma_migrations`
  const { rows: tables } = await client.query<{ exists: boolean }>(
    'select to_regclass($1) is not null as exists',
    [table],
  )
  if (!tables[0]?.exists) return false
  const { rows } = await client.query<{ name: string; isFinished: boolean }>(
    `select migration_name as name, finished_at is not null as "isFinished" from ${table} where rolled_back_at is null`,
  )
  const recorded = new Set(rows.map(({ name }) => name))
  return rows.every(({ isFinished }) => isFinished) && names.every((name) => recorded.has(name))
}

async function applyMigrations(url: string, names: readonly string[]): Promise<string[]> {
  // Not before it is needed: its WebAssembly takes more time to load than all else here.
  const { withSchemaEngine } = await import('./schema-engine.ts')
  const read = (path: string): Promise<string> => readFile(new URL(path, migrationsFolder), 'utf8')
  const readMigration = async (path: string) => {
    const content = { tag: 'ok' as const, value: await read(`${path}/migration.sql`) }
    return { path, migrationFile: { path: 'migration.sql', content } }
  }
  const migrationsList = {
    baseDir: migrationsFolder.pathname,
    lockfile: { path: 'migration_lock.toml', content: await read('migration_lock.toml') },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(names.map(readMigration)),
  }
  return withSchemaEngine(url, null, async (engine) => {
    const filters = { externalTables: [], externalEnums: [] }
    const applied = await engine.applyMigrations({ migrationsList, filters })
    return applied.appliedMigrationNames
  })
}

/** Waits for the lock, as long as another process migrates. */
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
