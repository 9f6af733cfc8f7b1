import { parseArgs } from 'node:util'
import { findAccount } from '../auth/accounts.ts'
import type { Command } from '../command.ts'
import { demoAccountId } from '../demo.ts'
import { ConfigurationError } from '../errors.ts'
import { fileImportOptions, importFiles, readFileImport } from './import-files.ts'
import { withDatabase } from './with-database.ts'

const help = `npm run import -- FILE… [options]

Imports what the Stripe Dashboard exports as CSV, also packed by gzip: the balance history ("All activity"), and the
itemized reports of balance change from activity, payouts, and payout reconciliation. Each kind is told by its header.
Importing a file again changes nothing, and one that says more completes what is known.

  --account ID            account whose ledger it is; the only one when left out
  --livemode              live mode instead of test mode
  --from, --until TIME    start, and exclusive end, of what the files cover, when their rows do not show it: a date,
                          which means its midnight in the timezone, or an instant such as 2026-09-01T00:00:00Z
  --timezone NAME         IANA name of the timezone that the files' days, and times without "UTC", are in; UTC when
                          left out
  --skip-bad              import the lines that can be read, and write the others to FILE.rejected.csv`

const options = {
  account: { type: 'string' },
  livemode: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  ...fileImportOptions,
} as const

/** Imports into the ledger of an account and mode, in the database that the configuration names. */
export const importCommand: Command = async (context) => {
  const { values, positionals } = parseArgs({ args: context.args, options, allowPositionals: true })
  if (values.help) return context.print(help)
  const request = readFileImport(positionals, values)
  await withDatabase(context, 'import', async ({ prisma, pool }) => {
    const accountId = await findAccount(prisma, values.account)
    if (accountId === demoAccountId) {
      throw new ConfigurationError(
        `${demoAccountId} has the ledger of the demo, into which nothing else is mixed. Make an account of your own, with a key for it, and name it with --account:\n  npm run keys -- create --new-account NAME${values.livemode ? ' --live' : ''}`,
      )
    }
    await importFiles(pool, { accountId, livemode: values.livemode }, request, context)
  })
}
