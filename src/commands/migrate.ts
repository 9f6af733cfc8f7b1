import type { Command } from '../cli.ts'
import { loadConfig } from '../config.ts'
import { createPool } from '../database/client.ts'
import { migrate } from '../database/migrate.ts'
import { openDatabase } from '../database/open.ts'

/** Applies the migrations that the database lacks; `start` does the same. */
export const migrateCommand: Command = async ({ environment, print }) => {
  const database = await openDatabase(loadConfig(environment), print)
  const pool = createPool({
    url: database.url,
    max: 2,
    applicationName: 'report-gateway migrate',
    onError: (error) => print(error.message),
  })
  try {
    const applied = await migrate(pool)
    print(applied.length === 0 ? 'The database is up to date.' : `Applied ${applied.join(', ')}.`)
  } finally {
    await pool.end()
    await database.close()
  }
}
