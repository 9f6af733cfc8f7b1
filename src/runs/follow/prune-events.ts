import type { Prisma } from '../../postgres/client.ts'
import type { Tenant } from '../../tenant.ts'

// Small enough that a transaction of it holds nobody up.
const batchSize = 5_000
const mostPosition = 2n ** 63n - 1n

/**
 * Removes what happened before a time from every log, oldest first and in batches, so that what is left never has a gap.
 * Whoever holds a cursor of the time before is told so when it is used. A log that cannot be pruned does not keep the
 * others.
 *
 * @param signal ends it between two batches
 * @returns how many events were removed
 * @throws AggregateError in the end, when some logs could not be pruned
 */
export async function pruneEvents(prisma: Prisma, before: Date, signal: AbortSignal): Promise<number> {
  let removed = 0
  const faults = new Map<string, unknown>()
  const tenants = await prisma.eventLogHead.findMany({ select: { accountId: true, livemode: true } })
  for (const tenant of tenants) {
    try {
      let batch = batchSize
      while (batch === batchSize && !signal.aborted) {
        batch = await pruneBatch(prisma, tenant, before)
        removed += batch
      }
    } catch (error) {
      faults.set(tenant.accountId, error)
    }
    if (signal.aborted) break
  }
  if (faults.size > 0) {
    const named = [...faults.keys()].join(', ')
    throw new AggregateError(
      faults.values(),
      `The event logs of some accounts could not be pruned: ${named}.`,
    )
  }
  return removed
}

/**
 * Removes the oldest events of a log as far as they may go. The first event that has to stay ends it, also when later ones
 * are older, because the clocks of several machines differ, and what is left has to be without gaps. It reads the log from
 * its front alone, however long it is.
 *
 * @returns how many were removed; fewer than the batch's size when there are no more to remove
 */
function pruneBatch(prisma: Prisma, { accountId, livemode }: Tenant, before: Date): Promise<number> {
  return prisma.$executeRaw`
    with front as materialized (
      select position, occurred_at from report_run_events
      where account_id = ${accountId} and livemode = ${livemode}
      order by position limit ${batchSize}
    )
    delete from report_run_events
    where account_id = ${accountId} and livemode = ${livemode} and position = any(array(
      select position from front
      where position < coalesce((select min(position) from front where occurred_at >= ${before}), ${mostPosition})
    ))`
}
