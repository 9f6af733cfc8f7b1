import type { Prisma, Transaction } from '../../postgres/client.ts'
import type { ReportRunEvent } from '../../postgres/generated/prisma/client.ts'
import type { Tenant } from '../../tenant.ts'

export type NewEvent = Omit<ReportRunEvent, 'position'>

/**
 * Appends an event in the caller's transaction and returns its position.
 *
 * The position comes from the tenant's counter row, which stays locked until the transaction ends: positions are in
 * commit order and have no gaps, so a reader who has seen one has seen all before it. A sequence would give neither.
 */
export async function appendEvent(tx: Transaction, event: NewEvent): Promise<bigint> {
  const [head] = await tx.$queryRaw<{ position: bigint }[]>`
    insert into event_log_heads as head (account_id, livemode, position)
    values (${event.accountId}, ${event.livemode}, 1)
    on conflict (account_id, livemode) do update set position = head.position + 1
    returning position`
  if (!head) throw new Error(`The event log of account ${event.accountId} gave no position.`)
  await tx.reportRunEvent.create({ data: { ...event, position: head.position }, select: { position: true } })
  return head.position
}

/** Position of the newest event; 0 when there is none yet. */
export async function lastPosition(
  prisma: Prisma | Transaction,
  { accountId, livemode }: Tenant,
): Promise<bigint> {
  const head = await prisma.eventLogHead.findUnique({
    where: { accountId_livemode: { accountId, livemode } },
  })
  return head?.position ?? 0n
}

export type LogBounds = {
  /** Position of the newest event, also when it is not kept any more; 0 when there was none yet. */
  last: bigint
  /** Everything after this position is kept. */
  keptAfter: bigint
}

/** What is kept of a log. */
export async function logBounds(prisma: Prisma, tenant: Tenant): Promise<LogBounds> {
  const { accountId, livemode } = tenant
  // The end comes first: what is appended in between is then kept for certain.
  const last = await lastPosition(prisma, tenant)
  const oldest = await prisma.reportRunEvent.findFirst({
    where: { accountId, livemode },
    orderBy: { position: 'asc' },
    select: { position: true },
  })
  return { last, keptAfter: oldest ? oldest.position - 1n : last }
}

/**
 * Events after a position, oldest first, at most `limit`.
 *
 * @param runId only those of this run; those of all runs unless given
 */
export function readEvents(
  prisma: Prisma,
  { accountId, livemode }: Tenant,
  after: bigint,
  limit: number,
  runId?: string,
): Promise<ReportRunEvent[]> {
  return prisma.reportRunEvent.findMany({
    where: { accountId, livemode, position: { gt: after }, ...(runId === undefined ? {} : { runId }) },
    orderBy: { position: 'asc' },
    take: limit,
  })
}
