import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import pg from 'pg'
import { expect, onTestFinished, test, vi } from 'vitest'
import { schemaChanges } from '../../prisma/schema-changes.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { createPool } from '../../src/postgres/client.ts'
import { migrate } from '../../src/postgres/migrate.ts'
import { startQueue } from '../../src/postgres/queue.ts'
import { databaseSchema } from '../../src/postgres/session.ts'
import { prepareTemplate } from '../support/database.ts'
import { emptyTemplate } from '../support/templates.ts'

/** Creates an empty database, dropped at the end of the test, and a pool with the gateway's settings. */
async function createBareDatabase(): Promise<{ url: string; pool: pg.Pool }> {
  const name = `bare_${randomBytes(8).toString('hex')}`
  const postgresUrl = await prepareTemplate(emptyTemplate)
  const admin = new pg.Client({ connectionString: postgresUrl })
  await admin.connect()
  await admin.query(`create database ${name}`)
  const url = new URL(postgresUrl)
  url.pathname = name
  const pool = createPool({ url: url.href, max: 2, applicationName: 'migrations test', onError: () => {} })
  onTestFinished(async () => {
    await pool.end()
    await admin.query(`drop database ${name} with (force)`)
    await admin.end()
  })
  return { url: url.href, pool }
}

async function committed(): Promise<string[]> {
  const folder = new URL('../../prisma/migrations/', import.meta.url)
  const entries = await readdir(folder, { withFileTypes: true })
  return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort()
}

// Everything in which two schemas can differ, one line for each object; without Prisma's table of records.
const catalogQueries = {
  columns: `
    select concat_ws(' ', table_name, column_name, udt_name, datetime_precision, is_nullable, column_default, collation_name)
    from information_schema.columns where table_schema = $1 and table_name <> '_prisma_migrations'`,
  indexes: `select indexdef from pg_indexes where schemaname = $1 and tablename <> '_prisma_migrations'`,
  constraints: `
    select concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid))
    from pg_constraint where connamespace = $1::regnamespace and conrelid <> '_prisma_migrations'::regclass`,
  enums: `
    select concat_ws(' ', typname, enumlabel, enumsortorder)
    from pg_enum join pg_type on pg_type.oid = enumtypid where typnamespace = $1::regnamespace`,
} satisfies Record<string, string>

async function readCatalog(pool: pg.Pool): Promise<Record<string, string[]>> {
  const catalog: Record<string, string[]> = {}
  for (const [kind, text] of Object.entries(catalogQueries)) {
    const { rows } = await pool.query<[string]>({ text, values: [databaseSchema], rowMode: 'array' })
    catalog[kind] = rows.map(([line]) => line).sort()
  }
  return catalog
}

test('the migrations create the schema that schema.prisma describes', async () => {
  const [migrated, described] = [await createBareDatabase(), await createBareDatabase()]
  await migrate(migrated.url)
  const wanted = await readFile(new URL('../../prisma/schema.prisma', import.meta.url), 'utf8')
  await described.pool.query(await schemaChanges(described.url, null, wanted))
  // Only migrate() creates this table; the queries name it.
  await described.pool.query('create table _prisma_migrations ()')

  const catalog = await readCatalog(migrated.pool)
  expect(catalog.columns?.length).toBeGreaterThan(100)
  for (const lines of Object.values(catalog)) expect(lines).not.toEqual([])
  expect(catalog).toEqual(await readCatalog(described.pool))
})

test('a migration that was applied is not applied again', async () => {
  const { url, pool } = await createBareDatabase()
  expect(await migrate(url)).toEqual(await committed())
  expect(await migrate(url)).toEqual([])
  const { rows } = await pool.query(
    'select migration_name from _prisma_migrations where finished_at is not null order by 1',
  )
  expect(rows.map((row) => row.migration_name)).toEqual(await committed())
})

test('five processes that migrate at once apply each migration once', async () => {
  const { url, pool } = await createBareDatabase()
  const applied = await Promise.all(Array.from({ length: 5 }, () => migrate(url)))
  expect(applied.flat().sort()).toEqual(await committed())
  const { rows } = await pool.query('select count(*)::int as records from _prisma_migrations')
  expect(rows).toEqual([{ records: (await committed()).length }])
})

const tables = `
  select schemaname || '.' || tablename as name from pg_tables
  where schemaname not in ('pg_catalog', 'information_schema') order by 1`

test('everything is in separate schemas, and tables of the same names in public stay unchanged', async () => {
  const { url, pool } = await createBareDatabase()
  const owners = ['accounts', 'customers', 'charges', 'payouts', '_prisma_migrations']
  for (const name of owners) {
    await pool.query(`create table public.${name} (note text not null)`)
    await pool.query(`insert into public.${name} values ('not yours')`)
  }
  await pool.query(`create type public."ReportRunStatus" as enum ('DRAFT')`)

  await migrate(url)
  const queue = await startQueue({
    url,
    isWorker: true,
    onError: (error) => expect.unreachable(error.message),
  })
  await queue.stop()

  const names = (await pool.query<{ name: string }>(tables)).rows.map(({ name }) => name)
  expect(names).toEqual(expect.arrayContaining(['report_gateway.accounts', 'report_gateway_queue.job']))
  const foreign = names.filter((name) => !/^report_gateway(_queue)?\./.test(name))
  expect(foreign).toEqual(owners.map((name) => `public.${name}`).sort())
  for (const name of owners) {
    expect((await pool.query(`select * from public.${name}`)).rows).toEqual([{ note: 'not yours' }])
  }
  const functions = `
    select nspname as schema from pg_proc join pg_namespace on pg_namespace.oid = pronamespace
    where nspname not in ('pg_catalog', 'information_schema') group by 1 order by 1`
  const schemas = (await pool.query<{ schema: string }>(functions)).rows.map(({ schema }) => schema)
  expect(schemas).toEqual(['report_gateway', 'report_gateway_queue'])
})

/** Takes the lock of a process that migrates. Returns a function that releases it. */
async function holdLock(url: string): Promise<() => Promise<void>> {
  const holder = new pg.Client({ connectionString: url })
  await holder.connect()
  await holder.query('select pg_advisory_lock(7203614871)')
  return () => holder.end()
}

/** The start times of all waits for the migration lock. */
async function readWaits(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ since: string }>(
    `select query_start::text as since from pg_stat_activity
    where datname = current_database() and application_name = 'report-gateway migrate' and wait_event_type = 'Lock'`,
  )
  return rows.map(({ since }) => since)
}

test('an aborted wait for another process that migrates ends at once, and leaves no connection', async () => {
  const { url, pool } = await createBareDatabase()
  const release = await holdLock(url)
  const stopping = new AbortController()
  const migrated = migrate(url, stopping.signal)
  migrated.catch(() => {})
  await vi.waitFor(async () => expect(await readWaits(pool)).toHaveLength(1), 30_000)
  stopping.abort()
  // Before the lock is released.
  await expect(migrated).rejects.toThrow()
  await vi.waitFor(async () => expect(await readWaits(pool)).toEqual([]), 30_000)
  await expect(migrate(url, stopping.signal)).rejects.toThrow()
  await release()
})

test('a process waits for another that migrates, however long it takes', async () => {
  const { url, pool } = await createBareDatabase()
  const release = await holdLock(url)
  const migrated = migrate(url)
  await vi.waitFor(async () => expect(await readWaits(pool)).toHaveLength(1), 30_000)
  const [first] = await readWaits(pool)
  await vi.waitFor(
    async () => {
      const [later] = await readWaits(pool)
      expect(later).toBeDefined()
      expect(later).not.toBe(first)
    },
    { timeout: 30_000, interval: 100 },
  )
  await release()
  expect(await migrated).toEqual(await committed())
})

test('a migration that fails releases its lock', async () => {
  const { url, pool } = await createBareDatabase()
  await pool.query(`create schema ${databaseSchema}`)
  await pool.query(`create type ${databaseSchema}."ReportFormat" as enum ('CSV')`)
  await expect(migrate(url)).rejects.toThrow('"ReportFormat" already exists')
  // The next attempt fails in the same way, and does not wait forever.
  await expect(migrate(url)).rejects.toThrow('"ReportFormat" already exists')
  await pool.query(`drop type ${databaseSchema}."ReportFormat"`)
  expect(await migrate(url)).toEqual(await committed())
})

test('a killed migration leaves nothing, and the next attempt starts it again', async () => {
  const { url, pool } = await createBareDatabase()
  const holder = new pg.Client({ connectionString: url })
  await holder.connect()
  await holder.query('select pg_advisory_lock(1)')
  await pool.query(`create schema ${databaseSchema}`)
  await pool.query(`
    create function public.wait() returns event_trigger language plpgsql as
    $$ begin if to_regclass('report_gateway.report_runs') is not null then perform pg_advisory_xact_lock(1); end if; end $$`)
  await pool.query(
    `create event trigger waits on ddl_command_end when tag in ('CREATE INDEX') execute function public.wait()`,
  )
  const migrated = migrate(url)
  migrated.catch(() => {})
  await vi.waitFor(async () => expect(await readWaits(pool)).toHaveLength(1), 30_000)
  await pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'report-gateway migrate'`,
  )
  await expect(migrated).rejects.toThrow()
  await holder.end()
  await pool.query('drop event trigger waits')
  const { rows } = await pool.query(`select to_regclass('report_gateway.report_runs') as table`)
  expect(rows).toEqual([{ table: null }])
  expect(await migrate(url)).toEqual(await committed())
})

test.each([
  ['was left partly applied', 'finished_at = null', 'failed migration'],
  ['was rolled back', 'rolled_back_at = now()', 'already exists'],
])('a migration that %s does not count as applied', async (_what, change, message) => {
  const { url, pool } = await createBareDatabase()
  await migrate(url)
  await pool.query(
    `update _prisma_migrations set ${change} where started_at = (select max(started_at) from _prisma_migrations)`,
  )
  await expect(migrate(url)).rejects.toThrow(message)
})

test('a failed migration is explained without a stack', async () => {
  const { url, pool } = await createBareDatabase()
  await migrate(url)
  await pool.query('update _prisma_migrations set finished_at = null')
  await expect(migrate(url)).rejects.toBeInstanceOf(ConfigurationError)
})
