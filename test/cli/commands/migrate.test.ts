import { expect, test } from 'vitest'
import { migrateCommand } from '../../../src/cli/commands/migrate.ts'
import { createTestDatabase } from '../../support/database.ts'
import { runCommand } from '../../support/run-command.ts'

test('the migrations that a database lacks are applied and named, once', async () => {
  await using database = await createTestDatabase()
  await database.query('drop schema report_gateway cascade')
  const migrate = () => runCommand(migrateCommand, [], { DATABASE_URL: database.url })
  const [line, ...others] = await migrate()
  const applied = await database.query<{ name: string }>(
    'select migration_name as name from _prisma_migrations order by 1',
  )
  expect(line).toBe(`Applied ${applied.map(({ name }) => name).join(', ')}.`)
  expect(others).toEqual([])
  expect(await migrate()).toEqual(['The database is up to date.'])
})

test('a database that cannot be reached is named without the password', async () => {
  const DATABASE_URL = 'postgres://someone:hunter2@127.0.0.1:9/books'
  const error = await runCommand(migrateCommand, [], { DATABASE_URL }).catch(String)
  expect(error).toMatch(/^ConfigurationError: .*database books at 127\.0\.0\.1:9.*ECONNREFUSED/)
  expect(error).not.toContain('hunter2')
})
