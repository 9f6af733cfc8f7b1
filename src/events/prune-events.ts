import type { Prisma } from '../database/client.ts'
import type { LogOwner } from './log.ts'

// Small enough that a transaction of it holds nobody up.
const batchSize = 5_000

/**
 * Position up to which a log can go. It is one before the first event that has to stay, and not simply the last old one:
 * the clocks of several machines differ, and what is left has to be without gaps.
 */
const prunableThrough = async (
  prisma: Prisma,
  { accountId, livemode }: LogOwner,
  before: Date,
): Promise<bigint> => {
  const where = { accountId, livemode }
  const orderBy = { position: 'asc' } as const
  const select = { position: true } as const
  const staying = await prisma.reportRunEvent.findFirst({
    where: { ...where, occurredAt: { gte: before } },
    orderBy,
    select,
  })
  if (staying) return staying.position - 1n
  const last = await prisma.reportRunEvent.findFirst({ where, orderBy: { position: 'desc' }, select })
  return last?.position ?? 0n
}

/**
 * Removes what happened before a time from every log, oldest first and in batches, so that what is left never has a gap.
 * Whoever holds a cursor of the time before is told so when it is used.
 *
 * @param signal ends it between two batches
 * @returns how many events were removed
 */
export const pruneEvents = async (prisma: Prisma, before: Date, signal: AbortSignal): Promise<number> => {
  let removed = 0
  const owners = await prisma.eventLogHead.findMany({ select: { accountId: true, livemode: true } })
  for (const owner of owners) {
    const through = await prunableThrough(prisma, owner, before)
    let batch = batchSize
    while (batch === batchSize && !signal.aborted) {
      batch = await prisma.$executeRaw`
        delete from report_run_events
        where account_id = ${owner.accountId} and livemode = ${owner.livemode} and position in (
          select position from report_run_events
          where account_id = ${owner.accountId} and livemode = ${owner.livemode} and position <= ${through}
          order by position limit ${batchSize})`
      removed += batch
    }
  }
  return removed
}
