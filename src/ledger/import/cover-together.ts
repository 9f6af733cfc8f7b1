import type pg from 'pg'
import { inTransaction } from '../../postgres/in-transaction.ts'
import type { Tenant } from '../../tenant.ts'
import { extendCoverage, lockLedger } from '../coverage.ts'
import type { ImportResult } from './import-file.ts'

/**
 * Extends a ledger's coverage by what files complete together, when all of them have been imported as parts. Lines that
 * one of them lacks leave a hole in what all declare, so nothing is covered then.
 *
 * @returns false when nothing is covered
 * @throws InputError when a gap would lie between the files and what is covered
 */
export async function coverTogether(
  client: pg.ClientBase,
  tenant: Tenant,
  files: readonly ImportResult[],
): Promise<boolean> {
  if (files.some(({ rejectedPath }) => rejectedPath !== null)) return false
  return inTransaction(client, async () => {
    await lockLedger(client, tenant)
    let isCovered = false
    for (const { span, sides } of files) {
      if (!span || sides.length === 0) continue
      await extendCoverage(client, tenant, span, sides)
      isCovered = true
    }
    return isCovered
  })
}
