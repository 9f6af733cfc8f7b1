import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { TestAccount, TestGateway } from './gateway.ts'
import { spawnCommand } from './report-process.ts'

// Exports of the Dashboard for an account's first month, June 2026 in Berlin: a balance in three currencies, cards,
// direct debits, a refund, a won dispute, a fee, an adjustment, a commission, five automatic payouts (one failed and
// was paid again with a later one), one payout that is in transit at the end of the month, and one manual payout.
export const june = {
  timezone: 'Europe/Berlin',
  interval_start: '2026-05-31T22:00:00Z',
  interval_end: '2026-06-30T22:00:00Z',
  /** The automatic payout that includes a failed one. */
  payout: 'po_1RW05B4kWe9nTqX',
}

/** Files in `exports`, one of each kind. */
const names = {
  history: 'balance_history.csv',
  activity: 'itemized_balance_change_from_activity.csv',
  payouts: 'itemized_payouts.csv',
  reconciliation: 'itemized_payout_reconciliation.csv',
}
export type ExportName = keyof typeof names

/** Returns the text of an export. */
export function readExport(name: ExportName): Promise<string> {
  return readFile(new URL(`exports/${names[name]}`, import.meta.url), 'utf8')
}

/** Runs `npm run import` with exports into an account's live ledger. The reconciliation is compressed by gzip. */
export async function importExports(
  { database }: TestGateway,
  { accountId }: TestAccount,
  chosen: readonly ExportName[],
) {
  const folder = await mkdtemp(join(tmpdir(), 'report-gateway-exports-'))
  try {
    const files = await Promise.all(
      chosen.map(async (name) => {
        const [text, isPacked] = [await readExport(name), name === 'reconciliation']
        const path = join(folder, isPacked ? `${names[name]}.gz` : names[name])
        await writeFile(path, isPacked ? gzipSync(text) : text)
        return path
      }),
    )
    const month = ['--timezone', june.timezone, '--from', '2026-06-01', '--until', '2026-07-01']
    return await spawnCommand('import', ['--account', accountId, '--livemode', ...month, ...files], {
      cwd: folder,
      environment: { DATABASE_URL: database.url },
    }).ended
  } finally {
    await rm(folder, { recursive: true })
  }
}
