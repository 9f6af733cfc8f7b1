import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrateCommand } from '../../src/cli/commands/migrate.ts'
import { createConnection } from '../../src/postgres/client.ts'
import { describeWith } from '../support/debian-tools.ts'
import { startTestGateway } from '../support/gateway.ts'
import { type Postgres15, startPostgres15 } from '../support/postgres15.ts'
import { runCommand } from '../support/run-command.ts'
import { createSlowRun, endOf, slowReport } from '../support/slow-report.ts'

const password = 'not-secret'

describeWith(['postgres15'], 'logins with few rights', () => {
  let postgres: Postgres15
  beforeAll(async () => {
    postgres = await startPostgres15()
  })
  afterAll(() => postgres[Symbol.asyncDispose]())

  function urlOf(user: string, database: string): string {
    return postgres.urlOf({ user, database })
  }

  async function runAs(user: string, database: string, statements: string): Promise<void> {
    const client = createConnection(urlOf(user, database), 'test')
    await client.connect()
    try {
      await client.query(statements.replaceAll('…', password))
    } finally {
      await client.end()
    }
  }

  async function migrateAs(user: string, database: string): Promise<string> {
    const ran = runCommand(migrateCommand, [], { DATABASE_URL: urlOf(user, database) })
    return ran.then((printed) => printed.join('\n'), String)
  }

  /** Starts a gateway as a login, and runs a report. */
  async function runReportAs(user: string, database: string): Promise<string> {
    const own = { ...postgres.database, url: urlOf(user, database) }
    await using gateway = await startTestGateway({ database: own, reportTypes: [slowReport] })
    const { client } = await gateway.createAccount()
    const { status } = await endOf(client, await createSlowRun(client))
    const faults = gateway.logged.filter(({ level }) => Number(level) > 30)
    expect(faults).toEqual([])
    return status
  }

  test('the documented logins migrate and run a gateway, which changes no tables', async () => {
    await postgres.database.query('create database documented')
    const page = await readFile(join(import.meta.dirname, '../../docs/operations/postgres.md'), 'utf8')
    const [create = '', grant = ''] = [...page.matchAll(/^```sql\n(.*?)^```$/gms)].map(([, sql]) => sql)
    await runAs('postgres', 'documented', create)
    await runAs('report_gateway_owner', 'documented', grant)
    expect(await migrateAs('report_gateway_owner', 'documented')).toMatch(/^Applied \d+_init/)
    expect(await runReportAs('report_gateway', 'documented')).toBe('SUCCEEDED')
    expect(await migrateAs('report_gateway', 'documented')).toBe('The database is up to date.')
  })

  test('a login that may not create schemas gets the statements that it needs, and they suffice', async () => {
    await postgres.database.query('create database bare')
    await postgres.database.query(`create role bare login password '${password}'`)
    const refusal = await migrateAs('bare', 'bare')
    expect(refusal).toMatch(
      /^ConfigurationError: The login bare may not create schemas in the database bare\./,
    )
    const statements = /let an administrator run: (.*) Or: (.*)$/.exec(refusal) ?? []
    await runAs('postgres', 'bare', statements[1] ?? '')
    expect(await runReportAs('bare', 'bare')).toBe('SUCCEEDED')

    await postgres.database.query('create database granted')
    await postgres.database.query((statements[2] ?? '').replace('bare', 'granted'))
    expect(await runReportAs('bare', 'granted')).toBe('SUCCEEDED')
  })

  test('a login that may not read the tables gets the grants that it needs, and they suffice', async () => {
    await postgres.database.query('create database owned')
    await postgres.database.query(`create role reader login password '${password}'`)
    await migrateAs('postgres', 'owned')
    const refusal = await migrateAs('reader', 'owned')
    expect(refusal).toMatch(/^ConfigurationError: The login reader may not read and write all tables/)
    await runAs('postgres', 'owned', /run: (.*)$/.exec(refusal)?.[1] ?? '')
    expect(await runReportAs('reader', 'owned')).toBe('SUCCEEDED')

    await runAs(
      'postgres',
      'owned',
      "delete from report_gateway._prisma_migrations where migration_name ~ 'init'",
    )
    expect(await migrateAs('reader', 'owned')).toContain('Run "npm run migrate" with the login that owns')
  })
})
