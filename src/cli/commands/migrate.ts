import { loadConfig } from '../../config/config.ts'
import { migrate } from '../../postgres/migrate.ts'
import { openDatabase } from '../../postgres/open-database.ts'
import type { Command } from '../command.ts'
import { helpOption, parseArguments } from '../parse-arguments.ts'

const help = `npm run migrate

Applies the migrations that the database lacks. "npm start" does the same.`

/** Applies the migrations that the database lacks; `start` does the same. */
export const migrateCommand: Command = async ({ args, environment, print, signal }) => {
  if (parseArguments({ args, options: helpOption }, help).values.help) return print(help)
  const database = await openDatabase(loadConfig(environment), print, signal)
  try {
    const applied = await migrate(database.url, signal)
    print(applied.length === 0 ? 'The database is up to date.' : `Applied ${applied.join(', ')}.`)
  } finally {
    await database.close()
  }
}
