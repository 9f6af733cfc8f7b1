import type { Prisma } from '../../postgres/client.ts'
import type { Tenant } from '../../tenant.ts'
import type { Availability } from '../report-type.ts'

/** The span that the ledger of this account and mode covers. */
export async function ledgerAvailability(
  prisma: Prisma,
  { accountId, livemode }: Tenant,
): Promise<Availability | null> {
  const coverage = await prisma.ledgerCoverage.findUnique({
    where: { accountId_livemode: { accountId, livemode } },
  })
  return coverage && { from: coverage.availableFrom, until: coverage.availableUntil }
}
