import { loadConfig } from '../../config/config.ts'
import { ConfigurationError } from '../../errors.ts'
import { openFileStore } from '../../storage/file-store.ts'
import { adoptStore } from '../../storage/mark.ts'
import type { Command } from '../command.ts'
import { helpOption, parseArguments } from '../parse-arguments.ts'
import { withDatabase } from './with-database.ts'

const usage = `npm run storage -- adopt

Makes the database use the configured file store from now on, after its files were moved or lost.
Then restart all processes.`

/** Changes the file store that the processes of a database must have. */
export const storageCommand: Command = async (context) => {
  const { values, positionals } = parseArguments(
    { args: context.args, options: helpOption, allowPositionals: true },
    usage,
  )
  if (values.help) return context.print(usage)
  if (positionals.join(' ') !== 'adopt') throw new ConfigurationError(usage)
  const store = await openFileStore(loadConfig(context.environment))
  try {
    await withDatabase(context, 'storage', async ({ prisma }) => {
      const before = await adoptStore({ prisma, store })
      context.print(`The file store of the database is now: ${store.place}`)
      if (before !== null) context.print(`Before, it was: ${before}`)
      context.print('Restart all gateways and workers with this store.')
    })
  } finally {
    store.close()
  }
}
