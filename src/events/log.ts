import type { Prisma, Transaction } from '../database/client.ts'
import type { ReportRunEvent } from '../database/generated/prisma/client.ts'

/** Whose events: each account has one ordered log in test mode and one in live mode. */
export type LogOwner = { accountId: string; livemode: boolean }

export type NewEvent = Omit<ReportRunEvent, 'position'>

/**
 * Appends an event in the caller's transaction and returns its position.
 *
 * The position comes from the owner's counter row, which stays locked until the transaction ends: positions are in
 * commit order, so a reader who has seen one has seen all before it. A sequence would not give that.
 */
export const appendEvent = async (tx: Transaction, event: NewEvent): Promise<bigint> => {
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
export const lastPosition = async (prisma: Prisma, { accountId, livemode }: LogOwner): Promise<bigint> => {
  const head = await prisma.eventLogHead.findUnique({
    where: { accountId_livemode: { accountId, livemode } },
  })
  return head?.position ?? 0n
}

/** Events after a position, oldest first, at most `limit`. */
export const readEvents = (
  prisma: Prisma,
  { accountId, livemode }: LogOwner,
  after: bigint,
  limit: number,
): Promise<ReportRunEvent[]> =>
  prisma.reportRunEvent.findMany({
    where: { accountId, livemode, position: { gt: after } },
    orderBy: { position: 'asc' },
    take: limit,
  })
