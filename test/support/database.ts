import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { demoTemplate, emptyTemplate } from './global-setup.ts'

export type TestDatabase = AsyncDisposable & {
  url: string
  /** One statement on a connection of its own, with our schema on its path. */
  query<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>
}

async function withAdmin(statement: string): Promise<void> {
  const admin = new pg.Client({ connectionString: inject('postgresUrl') })
  await admin.connect()
  try {
    await admin.query(statement)
  } finally {
    await admin.end()
  }
}

/**
 * A database of this test's own, with all tables; dropped when it is disposed of.
 *
 * @param withLedger true to have the demo account and its ledger in it, otherwise it has no rows
 */
export async function createTestDatabase(withLedger = false): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`
  await withAdmin(
    `create database ${name} template ${withLedger ? demoTemplate : emptyTemplate} strategy file_copy`,
  )
  const url = new URL(inject('postgresUrl'))
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
      await withAdmin(`drop database if exists ${name} with (force)`)
    },
  }
}
