import type { ClientBase } from 'pg'
import { readCoverage, type Span } from '../../ledger/coverage.ts'
import type { ImportResult } from '../../ledger/import/import-file.ts'
import { findIncompletePayouts } from '../../ledger/incomplete-payouts.ts'
import { modeOf, type Tenant } from '../../tenant.ts'
import { count } from '../client/progress-display.ts'

type Print = (line: string) => void

export async function printCoverage(client: ClientBase, tenant: Tenant, print: Print): Promise<void> {
  const coverage = await readCoverage(client, tenant)
  const ledger = `The ledger of ${tenant.accountId} in ${modeOf(tenant)} mode`
  print(
    coverage
      ? `${ledger} is complete from ${spanText(coverage)}: reports can cover this time. Balances are correct only if it contains the account's first transaction, because they are sums from there.`
      : `${ledger} is not complete for any time yet: import the balance history, or the itemized reports of both activity and payouts.`,
  )
  if (coverage && !coverage.payoutsKnown) {
    print(
      'For a part of this time, the ledger does not know which payout swept each row. Reports of payout reconciliation and of the ending balance need that: export the balance history with all columns, including Transfer, or the itemized balance change from activity with automatic_payout_id, and import it.',
    )
  }
}

/** Prints which payouts lack rows that they swept, if any. */
export async function printIncompletePayouts(
  client: ClientBase,
  tenant: Tenant,
  print: Print,
): Promise<void> {
  const { count: payouts, firstId, firstLeftAt } = await findIncompletePayouts(client, tenant)
  if (payouts === 0) return
  const day = firstLeftAt?.toISOString().slice(0, 10) ?? 'an unknown day'
  print(
    `Automatic payouts that are not the sum of the rows that they swept: ${count(payouts)}, the first is ${firstId} of ${day}. Reports of payout reconciliation lack rows of these payouts. An export names the payout of a row only when it was written after the payout: export the balance history of the time before these payouts again, and import it.`,
  )
}

export function printImport(
  path: string,
  result: ImportResult,
  { seconds, timezone, isPart }: { seconds: number; timezone: string; isPart: boolean },
  print: Print,
): void {
  const { title, rows, localTimes, payoutsKnown } = result
  const rate = count(Math.round(rows / Math.max(seconds, 0.001)))
  print(
    `${path}: ${count(rows)} rows of an export of the ${title} in ${seconds.toFixed(1)} s (${rate} rows/s).`,
  )
  if (localTimes.length > 0) print(`Times in ${localTimes.join(', ')} were read in ${timezone} (--timezone).`)
  if (!payoutsKnown) print('Nothing in it says which payout swept which row: it has no column for that.')
  for (const line of completion(result, isPart)) print(line)
}

/** Returns what the file completes, or why it completes nothing. */
function completion({ rejected, rejectedPath, span, sides }: ImportResult, isPart: boolean): string[] {
  if (rejectedPath !== null) {
    const others = isPart ? ', together with the other files' : ''
    const declare = span ? `, with --from ${span.from.toISOString()} --until ${span.until.toISOString()}` : ''
    return [
      ...rejected,
      `The lines that were rejected are in ${rejectedPath}: correct this file and import it${others}${declare}. Until then, this import does not complete the ledger.`,
    ]
  }
  if (!span) return ['It covers no complete day. If it does, declare what it covers: --from … --until ….']
  if (sides.length === 0) {
    return [
      'It may be a reconciliation of payouts or of the ending balance, or contain one category only, which is a part of the activity, so it does not prove that the ledger is complete. If it contains all activity of a time, declare that time: --from … --until ….',
    ]
  }
  const what = `${sides.join(' and ')} from ${spanText(span)}`
  return isPart
    ? [`It is a part of ${what}, which is covered once all files are imported.`]
    : [`It covers ${what}.`]
}

function spanText({ from, until }: Span): string {
  return `${from.toISOString().slice(0, 19)}Z until ${until.toISOString().slice(0, 19)}Z`
}
