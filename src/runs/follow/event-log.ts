import type { Prisma, Transaction } from '../../postgres/client.ts'
import type { ReportRunEvent } from '../../postgres/generated/prisma/client.ts'
import { modeOf, type Tenant } from '../../tenant.ts'

// Small enough that a transaction of it blocks nothing for long.
const pruneBatchSize = 5_000

const maxPosition = 2n ** 63n - 1n

type NewEvent = Omit<ReportRunEvent, 'position'>

/** A place in an account's event log: what comes after it is not delivered yet. */
export type EventCursor = {
  /** Position of the last event before this place; 0 for the beginning. */
  position: bigint
  /**
   * Set while snapshots of the runs that were live at this position are being sent: those with an id greater than this
   * come next, then the events. Null after the last one.
   */
  snapshotsAfter: string | null
}

const pattern = /^(test|live):([a-z0-9_]+):(\d{1,18})(?::([a-z0-9_]*))?$/

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

/** Position of the newest event, also when it is not kept any more, and that after which everything is kept. */
export async function logBounds(
  prisma: Prisma,
  tenant: Tenant,
): Promise<{ last: bigint; keptAfter: bigint }> {
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

/** Events after a position, oldest first, at most `limit`: of one run, or of all unless it is given. */
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

/** True when an event at the position or before it is kept: of one run, or of all unless it is given. */
export async function hasEventsUpTo(
  prisma: Prisma,
  { accountId, livemode }: Tenant,
  position: bigint,
  runId?: string,
): Promise<boolean> {
  const event = await prisma.reportRunEvent.findFirst({
    where: { accountId, livemode, position: { lte: position }, ...(runId === undefined ? {} : { runId }) },
    select: { position: true },
  })
  return event !== null
}

/**
 * Removes what happened before a time from every log, oldest first and in batches, so that what is left never has a gap.
 * Reading after an older cursor then gives a reset. A log that cannot be pruned does not block the others.
 *
 * @returns how many events were removed
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

/** The cursor as clients hold it. It names its log, so that it is never accepted for another account or mode. */
export function encodeEventCursor(tenant: Tenant, { position, snapshotsAfter }: EventCursor): string {
  const snapshots = snapshotsAfter === null ? '' : `:${snapshotsAfter}`
  return Buffer.from(`${modeOf(tenant)}:${tenant.accountId}:${position}${snapshots}`).toString('base64url')
}

/** Null when it is not a cursor of this log. */
export function decodeEventCursor(tenant: Tenant, cursor: string): EventCursor | null {
  const text = Buffer.from(cursor, 'base64url').toString('utf8')
  const [, mode, accountId, position, snapshotsAfter] = pattern.exec(text) ?? []
  if (position === undefined || mode !== modeOf(tenant) || accountId !== tenant.accountId) return null
  return { position: BigInt(position), snapshotsAfter: snapshotsAfter ?? null }
}

/**
 * Removes the oldest events of a log. The first event that must stay ends it, also when later ones are older, because the
 * clocks of several machines differ, and what is left must have no gaps. It reads only the front of the log.
 *
 * @returns how many were removed; fewer than the batch's size when there are no more to remove
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
