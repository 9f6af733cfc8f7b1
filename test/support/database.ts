import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { demoTemplate, emptyTemplate, type Template } from './templates.ts'

export type TestDatabase = AsyncDisposable & {
  url: string
  /** Runs one statement with our schema on the search path. */
  query<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>
}

/** @returns URL of the Postgres for tests, in which the template is ready to be cloned */
export async function prepareTemplate(template: Template): Promise<string> {
  const response = await fetch(`${inject('templatesUrl')}/${template}`)
  const text = await response.text()
  if (!response.ok) throw new Error(text)
  return text
}

async function administer(postgresUrl: string, statement: string): Promise<void> {
  const admin = new pg.Client({ connectionString: postgresUrl })
  await admin.connect()
  try {
    await admin.query(statement)
  } finally {
    await admin.end()
  }
}

/** Runs a statement about a database in another database of its server. */
export function runOutside(databaseUrl: string, statement: string): Promise<void> {
  const outside = new URL(databaseUrl)
  outside.pathname = 'postgres'
  return administer(outside.href, statement)
}

/**
 * Creates a database with all tables for one test; dropped when it is disposed of.
 *
 * @param withLedger true to include the demo account and its ledger; otherwise the database has no rows
 */
export async function createTestDatabase(withLedger = false): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`
  const template = withLedger ? demoTemplate : emptyTemplate
  const postgresUrl = await prepareTemplate(template)
  await administer(postgresUrl, `create database ${name} template ${template} strategy file_copy`)
  const url = new URL(postgresUrl)
  url.pathname = name
  const pool = new pg.Pool({ connectionString: url.href, options: '-c search_path=report_gateway', max: 2 })
  // Dropping the database ends connections that are still being closed.
  pool.on('error', () => {})
  return {
    url: url.href,
    query: async <Row extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
      (await pool.query<Row>(text, values)).rows,
    [Symbol.asyncDispose]: async () => {
      await pool.end()
      await administer(postgresUrl, `drop database if exists ${name} with (force)`)
    },
  }
}
