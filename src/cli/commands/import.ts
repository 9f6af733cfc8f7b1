import type { PoolClient } from 'pg'
import { findAccount } from '../../auth/accounts.ts'
import { demoAccountId } from '../../demo/demo.ts'
import { ConfigurationError } from '../../errors.ts'
import type { Tenant } from '../../tenant.ts'
import { StoppedError } from '../client/client-error.ts'
import type { Command, CommandContext } from '../command.ts'
import { importFiles } from './import-files.ts'
import { type ImportOptions, parseImport, readFileImport, readStripeImport } from './import-options.ts'
import { importFromStripe } from './import-stripe.ts'
import { withDatabase } from './with-database.ts'

const help = `npm run import -- FILE… [options]
npm run import -- --stripe [options]

Imports CSV exports of the Stripe Dashboard, plain or compressed with gzip: the balance history ("All activity"), and the
itemized reports of balance change from activity, payouts, and payout reconciliation. Each export type is recognized by
its header, and every other file is refused. Export the balance history with all columns: without Transfer, nothing
shows which payout swept which row. Importing a file again changes nothing. A file with more columns or rows adds what
is missing.

A ledger is complete for the time that the balance history, or the itemized reports of both activity and payouts, cover
in full. A reconciliation covers only a part. An itemized export without the column automatic_payout_id counts as
balance change from activity, so it must be that report. An export with the column may be a reconciliation, and one with
a single category, or with payouts only, may be filtered, so declare what it covers with --from and --until. Balances
are correct only when the ledger starts with the account's first transaction, because they are sums from there. Without
--until, the last covered day depends on the file's modification time.

  --account ID            account that owns the ledger; default: the only account
  --livemode              live mode instead of test mode
  --from, --until TIME    start, and exclusive end, of what the files cover, when their rows do not show it: a date,
                          which means midnight in the timezone, or an instant such as 2026-09-01T00:00:00Z
  --timezone NAME         IANA timezone of the files' days, and of times without "UTC"; default: UTC
  --amounts major         confirm that amounts without decimals are in major units: 100 means 100.00
  --skip-bad              import the lines that can be read, and write the others to FILE.rejected.csv

With --stripe, the command reads from the Stripe account of the key in STRIPE_API_KEY, which can be a restricted key. The
first import reads everything, later ones read what is new. After a stop, the next import continues from there.

  --from TIME             start; default: the first balance transaction. A time before the start of the last import
                          reads everything from there again
  --host, --port, --protocol
                          address of Stripe's API, for example of a mock server; default: https://api.stripe.com`

/** How long a stopped import can take until it is given up. The process ends then, and its connections with it. */
const maxStopMilliseconds = 3_000

export const importCommand: Command = async (context) => {
  const { values, positionals } = parseImport(context.args, help)
  if (values.help) return context.print(help)
  if (values.stripe) {
    const request = readStripeImport(positionals, values, context.environment.STRIPE_API_KEY)
    const work = withLedger(context, values, (client, tenant) =>
      importFromStripe(client, tenant, request, context),
    )
    return endWhenStopped(work, context.signal)
  }
  const request = readFileImport(positionals, values)
  const work = withLedger(context, values, (client, tenant) => importFiles(client, tenant, request, context))
  await endWhenStopped(work, context.signal)
}

/**
 * Waits for the work. Once the signal has aborted, waits a short time more: a stage can wait for something that does not
 * end, such as a lock or a server that does not answer.
 *
 * @throws StoppedError when the signal aborted before the work ended
 */
async function endWhenStopped(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const late = Promise.withResolvers<never>()
  let timer: NodeJS.Timeout | undefined
  const stop = () => {
    timer = setTimeout(() => late.reject(signal.reason), maxStopMilliseconds)
  }
  signal.addEventListener('abort', stop)
  try {
    await Promise.race([work, late.promise])
  } catch (error) {
    if (!signal.aborted || error instanceof StoppedError) throw error
    const message = 'Stopped. Files that were reported as imported are stored: run the same command again.'
    throw new StoppedError(message, { cause: error })
  } finally {
    signal.removeEventListener('abort', stop)
    clearTimeout(timer)
  }
}

function withLedger(
  context: CommandContext,
  { account, livemode }: ImportOptions,
  work: (client: PoolClient, tenant: Tenant) => Promise<void>,
): Promise<void> {
  return withDatabase(context, 'import', async ({ prisma, pool }) => {
    const accountId = await findAccount(prisma, account)
    if (accountId === demoAccountId) {
      throw new ConfigurationError(
        `${demoAccountId} holds the demo ledger, which accepts no imports. Create an account with a key, and name it with --account:\n  npm run keys -- create --new-account NAME${livemode ? ' --live' : ''}`,
      )
    }
    const client = await pool.connect()
    try {
      await work(client, { accountId, livemode })
    } finally {
      // Closing the connection rolls back an import that was stopped.
      client.release(true)
    }
  })
}
