import type { PoolClient } from 'pg'
import { findAccount } from '../../auth/accounts.ts'
import { demoAccountId } from '../../demo/demo.ts'
import { ConfigurationError } from '../../errors.ts'
import type { Tenant } from '../../tenant.ts'
import type { Command, CommandContext } from '../command.ts'
import { importFiles } from './import-files.ts'
import { type ImportOptions, parseImport, readFileImport, readStripeImport } from './import-options.ts'
import { importFromStripe } from './import-stripe.ts'
import { withDatabase } from './with-database.ts'

const help = `npm run import -- FILE… [options]
npm run import -- --stripe [options]

Imports what the Stripe Dashboard exports as CSV, also packed by gzip: the balance history ("All activity"), and the
itemized reports of balance change from activity, payouts, and payout reconciliation. Each kind is told by its header.
Importing a file again changes nothing, and one that says more completes what is known.

A ledger is complete where the balance history, or the itemized reports of both activity and payouts, tell all of it. A
reconciliation tells a part: an itemized export without the column automatic_payout_id is taken for one of activity, so it
has to be of the balance change from activity; of one with it that may be a reconciliation, say what it covers. Balances are right only when the ledger begins with the account's first transaction, because they are sums from
there. Without --until, the last day that counts rests on the time at which the file was last written to.

  --account ID            account whose ledger it is; the only one when left out
  --livemode              live mode instead of test mode
  --from, --until TIME    start, and exclusive end, of what the files cover, when their rows do not show it: a date,
                          which means its midnight in the timezone, or an instant such as 2026-09-01T00:00:00Z
  --timezone NAME         IANA name of the timezone that the files' days, and times without "UTC", are in; UTC when
                          left out
  --skip-bad              import the lines that can be read, and write the others to FILE.rejected.csv

With --stripe it reads the account at Stripe that the key in STRIPE_API_KEY belongs to, which may be a restricted one. The
first time it reads all there is, then what is new; one that was stopped goes on where it was.

  --from TIME             where to begin; the first balance transaction when left out. An earlier one than the last time
                          reads everything anew from there
  --host, --port, --protocol
                          where Stripe's API is, such as a server that imitates it; https://api.stripe.com when left
                          out`

export const importCommand: Command = async (context) => {
  const { values, positionals } = parseImport(context.args)
  if (values.help) return context.print(help)
  if (values.stripe) {
    const request = readStripeImport(positionals, values, context.environment.STRIPE_API_KEY)
    return withLedger(context, values, (client, tenant) => importFromStripe(client, tenant, request, context))
  }
  const request = readFileImport(positionals, values)
  await withLedger(context, values, (client, tenant) => importFiles(client, tenant, request, context))
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
        `${demoAccountId} has the ledger of the demo, into which nothing else is mixed. Make an account of your own, with a key for it, and name it with --account:\n  npm run keys -- create --new-account NAME${livemode ? ' --live' : ''}`,
      )
    }
    const client = await pool.connect()
    try {
      await work(client, { accountId, livemode })
    } finally {
      // What an import that was stopped has begun ends with its connection.
      client.release(true)
    }
  })
}
