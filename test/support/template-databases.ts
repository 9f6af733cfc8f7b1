import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { demoAccountId } from '../../src/demo/demo.ts'
import { loadDemoLedger } from '../../src/demo/demo-ledger.ts'
import { createConnection } from '../../src/postgres/client.ts'
import { openEmbeddedPostgres } from '../../src/postgres/embedded/embedded-postgres.ts'
import { migrate } from '../../src/postgres/migrate.ts'
import { startQueue } from '../../src/postgres/queue.ts'
import { demoTemplate, emptyTemplate, type Template } from './templates.ts'

/** A Postgres server with template databases. */
export type TemplateDatabases = AsyncDisposable & {
  /** Creates the template on the first call. @returns URL of the server */
  prepare(template: Template): Promise<string>
}

export const demoLedgerEnd = new Date('2026-11-01T00:00:00Z')

export async function openTemplateDatabases(): Promise<TemplateDatabases> {
  await using opened = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'report-gateway-test-'))
  opened.defer(() => rm(dataDir, { recursive: true, force: true }))
  const postgres = await openEmbeddedPostgres({ dataDir })
  opened.defer(postgres.close)
  await disableDurability(postgres.url)
  const empty = makeEmptyTemplate(postgres.url)
  let demo: Promise<void> | undefined
  const closers = opened.move()
  return {
    prepare: async (template) => {
      await empty
      if (template === demoTemplate) {
        demo ??= makeDemoTemplate(postgres.url)
        await demo
      }
      return postgres.url
    },
    [Symbol.asyncDispose]: () => closers.disposeAsync(),
  }
}

function fail(error: Error): void {
  throw error
}

function databaseUrl(postgresUrl: string, name: string): string {
  const url = new URL(postgresUrl)
  url.pathname = name
  return url.href
}

async function administer(postgresUrl: string, statement: string): Promise<void> {
  const admin = new pg.Client({ connectionString: postgresUrl })
  await admin.connect()
  await admin.query(statement)
  await admin.end()
}

/** Disables waiting for the disk: the data does not need to survive the test run. */
async function disableDurability(postgresUrl: string): Promise<void> {
  for (const setting of ['fsync', 'full_page_writes', 'synchronous_commit']) {
    await administer(postgresUrl, `alter system set ${setting} = off`)
  }
  await administer(postgresUrl, 'select pg_reload_conf()')
}

async function makeEmptyTemplate(postgresUrl: string): Promise<void> {
  await administer(postgresUrl, `create database ${emptyTemplate}`)
  const url = databaseUrl(postgresUrl, emptyTemplate)
  await migrate(url)
  const queue = await startQueue({ url, isWorker: false, onError: fail })
  await queue.stop()
}

async function makeDemoTemplate(postgresUrl: string): Promise<void> {
  await administer(postgresUrl, `create database ${demoTemplate} template ${emptyTemplate}`)
  const url = databaseUrl(postgresUrl, demoTemplate)
  const client = createConnection(url, 'template')
  await client.connect()
  await client.query("insert into accounts (id, name) values ($1, 'Demo')", [demoAccountId])
  for (const livemode of [false, true]) {
    await client.query('begin')
    await loadDemoLedger(client, { accountId: demoAccountId, livemode, endsAt: demoLedgerEnd })
    await client.query('commit')
  }
  await client.query('analyze')
  await client.end()
}
