import type { PoolClient } from 'pg'
import { ConfigurationError } from '../../errors.ts'
import { checkSums, type LedgerSums, repairSums, type WrongSums } from '../../ledger/check-sums.ts'
import { majorUnits } from '../../ledger/minor-units.ts'
import { checkMigrated } from '../../postgres/migrate.ts'
import { modeOf } from '../../tenant.ts'
import { ClientError } from '../client/client-error.ts'
import type { Command } from '../command.ts'
import { helpOption, parseArguments } from '../parse-arguments.ts'
import { withDatabase } from './with-database.ts'

const usage = `npm run ledger -- check [--repair]

Compares the sums from which reports take balances with the balance transactions of all accounts, and writes a line for
each difference. Reads all balance transactions once for each kind of sum. Gateways, workers and imports can run.

The exit code is 0 when all sums are right, and 1 otherwise.

  --repair   replace the sums of each ledger that has differences by those of its balance transactions. The exit code is 0
             when this is done. Imports into such a ledger wait`

/** Checks what the ledgers keep about their rows. */
export const ledgerCommand: Command = async (context) => {
  const options = { ...helpOption, repair: { type: 'boolean', default: false } } as const
  const { values, positionals } = parseArguments(
    { args: context.args, options, allowPositionals: true },
    usage,
  )
  if (values.help) return context.print(usage)
  if (positionals.join(' ') !== 'check') throw new ConfigurationError(usage)
  await withDatabase(
    context,
    'ledger',
    async ({ pool }) => {
      const client = await pool.connect()
      try {
        await check(client, values.repair, context.print)
      } finally {
        client.release(true)
      }
    },
    checkMigrated,
  )
}

async function check(client: PoolClient, repair: boolean, print: (line: string) => void): Promise<void> {
  let differences = 0
  const ledgers = await checkSums(client, (wrong) => {
    differences++
    print(describe(wrong))
  })
  if (differences === 0) return print('All sums are those of the balance transactions.')
  const found = `Differences from the balance transactions: ${differences}.`
  if (!repair) throw new ClientError(`${found} To correct them, run: npm run ledger -- check --repair`)
  for (const ledger of ledgers) await repairSums(client, ledger)
  print(`${found} They are corrected. Run reports of these ledgers again.`)
}

const names: Readonly<Record<keyof LedgerSums, string>> = {
  count: 'transactions',
  amount: 'gross',
  fee: 'fee',
  net: 'net',
  delayedNet: 'net with a later availability',
}

/** A line such as `acct_1 test, day 2026-09-01, usd, charge: net is 12.00, expected 13.00.` */
function describe(wrong: WrongSums): string {
  const { part, name, currency, category, expected, found } = wrong
  const show = (field: string, value: string): string =>
    field === 'count' ? value : majorUnits(BigInt(value), currency)
  const differences = Object.entries(names).flatMap(([field, label]) => {
    // The names are those of the sums.
    const [known, right] = [found, expected].map((sums) => sums[field as keyof LedgerSums])
    if (known === undefined || right === undefined || known === right) return []
    return [`${label} ${show(field, known)}, expected ${show(field, right)}`]
  })
  const place = [
    `${wrong.accountId} ${modeOf(wrong)}`,
    `${part} ${name}`,
    currency,
    ...(category === null ? [] : [category]),
  ]
  return `${place.join(', ')}: ${differences.join('; ')}`
}
