import { readdir, readFile } from 'node:fs/promises'
import type { MigrationList } from '@prisma/schema-engine-wasm'
import { createConnection, databaseSchema } from './client.ts'
import { withSchemaEngine } from './schema-engine.ts'

const migrationsFolder = new URL('../../prisma/migrations/', import.meta.url)
// Any number that no one else is likely to lock in the same database.
const migrationLock = 7_203_614_871

const everything = { externalTables: [], externalEnums: [] }

/** The migrations in `prisma/migrations`, oldest first, as Prisma's engine takes them. */
export const readMigrations = async (): Promise<MigrationList> => {
  const names = (await readdir(migrationsFolder, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
  const migrationDirectories = await Promise.all(
    names.map(async (name) => ({
      path: name,
      migrationFile: {
        path: 'migration.sql',
        content: {
          tag: 'ok' as const,
          value: await readFile(new URL(`${name}/migration.sql`, migrationsFolder), 'utf8'),
        },
      },
    })),
  )
  return {
    baseDir: migrationsFolder.pathname,
    lockfile: {
      path: 'migration_lock.toml',
      content: await readFile(new URL('migration_lock.toml', migrationsFolder), 'utf8'),
    },
    shadowDbInitScript: '',
    migrationDirectories,
  }
}

/**
 * Applies the migrations that the database lacks, in our own schema, under a lock, so that any number of processes
 * may start at once. Keeps the same records as `prisma migrate deploy`.
 *
 * @returns names of the migrations applied now
 */
export const migrate = async (url: string): Promise<string[]> => {
  const lock = createConnection(url, 'report-gateway migrate')
  await lock.connect()
  try {
    await lock.query('select pg_advisory_lock($1)', [migrationLock])
    await lock.query(`create schema if not exists ${databaseSchema}`)
    const migrationsList = await readMigrations()
    return await withSchemaEngine(url, null, async (engine) => {
      const applied = await engine.applyMigrations({ migrationsList, filters: everything })
      return applied.appliedMigrationNames
    })
  } finally {
    // Gives the lock back too.
    await lock.end()
  }
}

/**
 * The SQL that leads from one state of `schema.prisma` to another.
 *
 * Both states are texts, because Prisma's engine cannot read a database's own state through `@prisma/adapter-pg`
 * (prisma/orm#27403).
 *
 * @param url any Postgres; nothing is changed in it
 * @param from text of the earlier `schema.prisma`; null for an empty database
 */
export const schemaChanges = (url: string, from: string | null, to: string): Promise<string> => {
  const datamodel = (content: string) => ({
    tag: 'schemaDatamodel' as const,
    files: [{ path: 'schema.prisma', content }],
  })
  return withSchemaEngine(url, to, async (engine) => {
    const { stdout } = await engine.diff({
      from: from === null ? { tag: 'empty' } : datamodel(from),
      to: datamodel(to),
      script: true,
      exitCode: null,
      filters: everything,
    })
    return stdout ?? ''
  })
}
