import { loadConfig } from '../../config/config.ts'
import { migrate } from '../../postgres/migrate.ts'
import { openDatabase } from '../../postgres/open-database.ts'
import { startQueue } from '../../postgres/queue.ts'
import type { Command } from '../command.ts'
import { helpOption, parseArguments } from '../parse-arguments.ts'

const help = `npm run migrate

Creates the schemas, and applies the migrations that the database lacks. "npm start" does the same.
Afterwards, a login that can only read and write the tables can run the gateway.`

/** Creates all that a gateway needs in the database, with that of its queue; `start` does the same. */
export const migrateCommand: Command = async ({ args, environment, print, signal }) => {
  if (parseArguments({ args, options: helpOption }, help).values.help) return print(help)
  const database = await openDatabase(loadConfig(environment), print, signal)
  try {
    const applied = await migrate(database.url, signal)
    const onError = (error: Error): void => print(error.message)
    const queue = await startQueue({ url: database.url, isWorker: false, onError })
    await queue.stop()
    print(applied.length === 0 ? 'The database is up to date.' : `Applied ${applied.join(', ')}.`)
  } finally {
    await database.close()
  }
}
