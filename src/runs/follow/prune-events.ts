import type { Prisma } from '../../postgres/client.ts'
import type { Tenant } from '../../tenant.ts'

// Small enough that one transaction does not block others for long.
const pruneBatchSize = 5_000

const maxPosition = 2n ** 63n - 1n

/**
 * Deletes the events before a time from every log, oldest first and in batches, so that the rest never has a gap. Reading
 * after an older cursor then returns a reset. A failure in one log does not block the others.
 *
 * @returns the number of deleted events
 * @throws AggregateError at the end, when some logs could not be pruned
 */
export async function pruneEvents(prisma: Prisma, before: Date, signal: AbortSignal): Promise<number> {
  let removed = 0
  const faults = new Map<string, unknown>()
  const tenants = await prisma.eventLogHead.findMany({ select: { accountId: true, livemode: true } })
  for (const tenant of tenants) {
    try {
      let batch = pruneBatchSize
      while (batch === pruneBatchSize && !signal.aborted) {
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
 * Deletes the oldest events of a log, up to the first one that must stay. Later events can have earlier times, because the
 * clocks of machines differ; they stay too, so that the log has no gaps. Reads only the front of the log.
 *
 * @returns the number of deleted events; less than the batch size when no more can be deleted
 */
function pruneBatch(prisma: Prisma, { accountId, livemode }: Tenant, before: Date): Promise<number> {
  return prisma.$executeRaw`
    with front as materialized (
      select position, occurred_at from report_run_events
      where account_id = ${accountId} and livemode = ${livemode}
      order by position limit ${pruneBatchSize}
    )
    delete from report_run_events
    where account_id = ${accountId} and livemode = ${livemode} and position = any(array(
      select position from front
      where position < coalesce((select min(position) from front where occurred_at >= ${before}), ${maxPosition})
    ))`
}
