import type { Prisma, Transaction } from '../../postgres/client.ts'
import type { ReportRunEvent } from '../../postgres/generated/prisma/client.ts'
import { modeOf, type Tenant } from '../../tenant.ts'

// Small enough that one transaction does not block others for long.
const pruneBatchSize = 5_000

const maxPosition = 2n ** 63n - 1n

type NewEvent = Omit<ReportRunEvent, 'position'>

/** A position in an account's event log. Everything up to it has been delivered, and nothing after it. */
export type EventCursor = {
  /** Position of the last delivered event; 0 for the start of the log. */
  position: bigint
  /**
   * Set while snapshots of the live runs are being sent: those of runs with a greater id come next, then the events. Null when
   * all snapshots have been sent.
   */
  snapshotsAfter: string | null
}

const pattern = /^(test|live):([a-z0-9_]+):(\d{1,18})(?::([a-z0-9_]*))?$/

/**
 * Appends an event in the caller's transaction and returns its position.
 *
 * The position comes from the tenant's counter row, which stays locked until the transaction ends. So positions are in commit
 * order and have no gaps: a reader that has seen one has seen all before it. A sequence would guarantee neither.
 */
export async function appendEvent(tx: Transaction, event: NewEvent): Promise<bigint> {
  const [head] = await tx.$queryRaw<{ position: bigint }[]>`
    insert into event_log_heads as head (account_id, livemode, position)
    values (${event.accountId}, ${event.livemode}, 1)
    on conflict (account_id, livemode) do update set position = head.position + 1
    returning position`
  if (!head) throw new Error(`The event log of account ${event.accountId} returned no position.`)
  await tx.reportRunEvent.create({ data: { ...event, position: head.position }, select: { position: true } })
  return head.position
}

/** Position of the newest event, even if it was pruned; 0 when there is none yet. */
export async function lastPosition(
  prisma: Prisma | Transaction,
  { accountId, livemode }: Tenant,
): Promise<bigint> {
  const head = await prisma.eventLogHead.findUnique({
    where: { accountId_livemode: { accountId, livemode } },
  })
  return head?.position ?? 0n
}

/** `last`: position of the newest event, even if it was pruned. `keptAfter`: the position after which all events are kept. */
export async function logBounds(
  prisma: Prisma,
  tenant: Tenant,
): Promise<{ last: bigint; keptAfter: bigint }> {
  const { accountId, livemode } = tenant
  // The end is read first: events that are appended in between are then certain to be kept.
  const last = await lastPosition(prisma, tenant)
  const oldest = await prisma.reportRunEvent.findFirst({
    where: { accountId, livemode },
    orderBy: { position: 'asc' },
    select: { position: true },
  })
  return { last, keptAfter: oldest ? oldest.position - 1n : last }
}

/** At most `limit` events after a position, oldest first: of one run, or of all runs when `runId` is absent. */
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

/** True when an event at or before the position is kept: of one run, or of any run when `runId` is absent. */
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

/** Encodes a cursor for clients. It names its log, so that it is never accepted for another account or mode. */
export function encodeEventCursor(tenant: Tenant, { position, snapshotsAfter }: EventCursor): string {
  const snapshots = snapshotsAfter === null ? '' : `:${snapshotsAfter}`
  return Buffer.from(`${modeOf(tenant)}:${tenant.accountId}:${position}${snapshots}`).toString('base64url')
}

/** Decodes a cursor; null when it is not a cursor of this log. */
export function decodeEventCursor(tenant: Tenant, cursor: string): EventCursor | null {
  const text = Buffer.from(cursor, 'base64url').toString('utf8')
  const [, mode, accountId, position, snapshotsAfter] = pattern.exec(text) ?? []
  if (position === undefined || mode !== modeOf(tenant) || accountId !== tenant.accountId) return null
  return { position: BigInt(position), snapshotsAfter: snapshotsAfter ?? null }
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
