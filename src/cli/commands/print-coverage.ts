import type { Pool } from 'pg'
import { readCoverage, type Span } from '../../ledger/coverage.ts'
import { modeOf, type Tenant } from '../../tenant.ts'

export function spanText({ from, until }: Span): string {
  return `${from.toISOString().slice(0, 19)}Z until ${until.toISOString().slice(0, 19)}Z`
}

/** A sentence on what a ledger covers after an import. */
export async function tellCoverage(pool: Pool, tenant: Tenant): Promise<string> {
  const client = await pool.connect()
  try {
    const coverage = await readCoverage(client, tenant)
    const mode = modeOf(tenant)
    return coverage
      ? `The ledger of ${tenant.accountId} in ${mode} mode is complete from ${spanText(coverage)}: reports can run over that. Balances are right only if the account's first transaction is in it, because they are sums from there.`
      : `The ledger of ${tenant.accountId} in ${mode} mode is not complete for any time yet: it takes the balance history, or the itemized reports of both activity and payouts.`
  } finally {
    client.release()
  }
}
