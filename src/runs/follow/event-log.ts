import { createHash } from 'node:crypto'
import type { Prisma, Transaction } from '../../postgres/client.ts'
import { type ReportRunEvent, Prisma as Sql } from '../../postgres/generated/prisma/client.ts'
import { columnsOf, type ReadRows } from '../../postgres/rows.ts'
import { modeOf, type Tenant } from '../../tenant.ts'

// DELETED has another name in the database.
const eventColumns = columnsOf(Object.values(Sql.ReportRunEventScalarFieldEnum), {
  kind: "case kind when 'ERASED' then 'DELETED' else kind::text end",
})

/** An event before the log gives it a position. */
export type NewEvent = Omit<ReportRunEvent, 'position'>

/** A position in an account's event log. Everything up to it has been delivered, and nothing after it. */
export type EventCursor = {
  /** Position of the last delivered event; 0 for the start of the log. */
  position: bigint
  /**
   * Set while snapshots of the live runs are being sent: those of runs with a greater id come next, then the events. Null when
   * all snapshots have been sent.
   */
  snapshotsAfter: string | null
  /** What identifies the log up to the position. Absent in a position of this process, which is not verified. */
  anchor?: LogAnchor
}

/**
 * Distinguishes the log that a cursor belongs to from another history of the same log, such as one that continues a restored
 * backup: its positions are the same, and its events are not.
 */
export type LogAnchor = {
  /** Changes when the database notices that it continues another copy of itself; see history.ts. */
  epoch: string
  /** Identifies the event at the position; null when it was pruned. Differs even where the epoch remains. */
  print: string | null
}

/** The cursor of the end of a log. */
export type LogEnd = EventCursor & { anchor: LogAnchor }

/** What distinguishes an event from the one at the same position in another history. */
type EventFacts = Pick<ReportRunEvent, 'runId' | 'runVersion' | 'toStatus' | 'occurredAt'>

/** The epoch of a log in a database that has not been checked yet. */
const firstEpoch = '00000000'
/** Matches no log. A cursor of an earlier version has no anchor, so its history is unknown. */
const unknownAnchor: LogAnchor = { epoch: '', print: null }

const printLength = 8

const pattern = /^(test|live):([a-z0-9_]+):(\d{1,18})(?::([a-z0-9_]*))?$/
// The previous version reads this part as the id after which snapshots follow: "z" is after all ids, and "0" before.
const anchorPattern = /^(0|frr_[0-9a-z]{25})?z([0-9a-z]{8})([0-9a-f]{8})?$/

/**
 * CTEs that append an event for the row of the CTE `change`, which has the columns of an event except its position.
 *
 * The position comes from the tenant's counter row, which stays locked until the transaction ends. So positions are in commit
 * order and have no gaps: a reader that has seen one has seen all before it. A sequence would guarantee neither. Everything
 * else is written first, so that the row is locked for as short as possible.
 */
export const appendCtes = `
  head as (
    insert into event_log_heads as head (account_id, livemode, position, epoch)
    select account_id, livemode, 1, coalesce((select epoch from event_log_histories), '${firstEpoch}') from change
    on conflict (account_id, livemode) do update set position = head.position + 1
    returning position, epoch
  ),
  event as (
    insert into report_run_events (
      account_id, livemode, position, run_id, run_version, kind, from_status, to_status, actor_id, occurred_at
    )
    select account_id, livemode, head.position, run_id, run_version, kind, from_status, to_status, actor_id, occurred_at
    from change, head
  )`

const appendSql = `
  with change as (
    select $1::text as account_id, $2::boolean as livemode, $3::text as run_id, $4::integer as run_version,
      $5::"ReportRunEventKind" as kind, $6::"ReportRunStatus" as from_status, $7::"ReportRunStatus" as to_status,
      $8::text as actor_id, $9::timestamptz as occurred_at
  ), ${appendCtes}
  select position, epoch from head`

/** Appends an event in the caller's transaction and returns its cursor. */
export async function appendEvent(tx: Transaction, event: NewEvent): Promise<EventCursor> {
  const { accountId, livemode, runId, runVersion, kind, fromStatus, toStatus, actorId, occurredAt } = event
  const [head] = await tx.$queryRawUnsafe<{ position: bigint; epoch: string }[]>(
    appendSql,
    ...[accountId, livemode, runId, runVersion, kind === 'DELETED' ? 'ERASED' : kind],
    ...[fromStatus, toStatus, actorId, occurredAt],
  )
  if (!head) throw new Error(`The event log of account ${accountId} returned no position.`)
  return cursorAfter({ ...event, position: head.position }, head.epoch)
}

/** The cursor of an event, in the epoch of its log. */
export function cursorAfter(event: ReportRunEvent, epoch: string): LogEnd {
  return { position: event.position, snapshotsAfter: null, anchor: { epoch, print: printOf(event) } }
}

/** Identifies an event. In another history, the event at the same position has another run, or another time. */
export function printOf({ runId, runVersion, toStatus, occurredAt }: EventFacts): string {
  const facts = [runId, runVersion, toStatus, occurredAt.getTime()].join(' ')
  return createHash('sha256').update(facts).digest('hex').slice(0, printLength)
}

/**
 * True when a cursor belongs to this history of its log.
 *
 * @param event the event at the cursor's position; absent when it was pruned
 */
export function isOfHistory(
  { position, anchor }: Pick<EventCursor, 'position' | 'anchor'>,
  epoch: string,
  event: ReportRunEvent | undefined,
): boolean {
  // The start of the log is the same in every history.
  if (!anchor || position === 0n) return true
  return anchor.epoch === epoch && (!event || anchor.print === null || anchor.print === printOf(event))
}

/** The end of a log, even if its newest event was pruned; position 0 when there is no event yet. */
export async function readLogEnd(
  prisma: Prisma | Transaction,
  { accountId, livemode }: Tenant,
): Promise<LogEnd> {
  type Head = { position: bigint; epoch: string } & (EventFacts | { runId: null })
  // A log without an event has the epoch that its first event will have.
  const [head] = await prisma.$queryRaw<Head[]>`
    select coalesce(head.position, 0)::bigint as position,
      coalesce(head.epoch, (select epoch from event_log_histories), ${firstEpoch}) as epoch,
      event.run_id as "runId", event.run_version as "runVersion", event.to_status::text as "toStatus",
      event.occurred_at as "occurredAt"
    from (select ${accountId}::text as account_id, ${livemode}::boolean as livemode) as log
    left join event_log_heads as head using (account_id, livemode)
    left join report_run_events as event
      on (event.account_id, event.livemode, event.position) = (head.account_id, head.livemode, head.position)`
  if (!head) throw new Error(`The event log of account ${accountId} returned no end.`)
  const { position, epoch } = head
  const print = head.runId === null ? null : printOf(head)
  return { position, snapshotsAfter: null, anchor: { epoch, print } }
}

/** `end`: the end of the log. `keptAfter`: the position after which all events are kept. */
export async function logBounds(prisma: Prisma, tenant: Tenant): Promise<{ end: LogEnd; keptAfter: bigint }> {
  const { accountId, livemode } = tenant
  // The end is read first: events that are appended in between are then certain to be kept.
  const end = await readLogEnd(prisma, tenant)
  const oldest = await prisma.reportRunEvent.findFirst({
    where: { accountId, livemode },
    orderBy: { position: 'asc' },
    select: { position: true },
  })
  return { end, keptAfter: oldest ? oldest.position - 1n : end.position }
}

/**
 * At most `limit` events after a position, oldest first: of one run, or of all runs when `runId` is absent. Every follower
 * that reads the log sends this query, which `rows` answers with less work in one piece than Prisma.
 */
export function readEvents(
  rows: ReadRows,
  { accountId, livemode }: Tenant,
  after: bigint,
  limit: number,
  runId?: string,
): Promise<ReportRunEvent[]> {
  const ofRun = runId === undefined ? Sql.empty : Sql.sql`and run_id = ${runId}`
  const query = Sql.sql`select ${eventColumns} from report_run_events
    where account_id = ${accountId} and livemode = ${livemode} and position > ${after} ${ofRun}
    order by position limit ${limit}`
  return rows(query, runId === undefined ? 'once' : 'each')
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
 * The event of a log at a position; undefined when there is none, or it was pruned. It is the anchor of the events after it:
 * with another event at its position, the log is another history.
 */
export async function readAnchor(
  prisma: Prisma,
  { accountId, livemode }: Tenant,
  position: bigint,
): Promise<ReportRunEvent | undefined> {
  const event = await prisma.reportRunEvent.findUnique({
    where: { accountId_livemode_position: { accountId, livemode, position } },
  })
  return event ?? undefined
}

/** Encodes a cursor for clients. It names its log, so that it is never accepted for another account or mode. */
export function encodeEventCursor(tenant: Tenant, { position, snapshotsAfter, anchor }: EventCursor): string {
  const log = `${modeOf(tenant)}:${tenant.accountId}:${position}`
  const snapshots = snapshotsAfter === '' ? '0' : (snapshotsAfter ?? '')
  const text = anchor ? `${log}:${snapshots}z${anchor.epoch}${anchor.print ?? ''}` : log
  return Buffer.from(text).toString('base64url')
}

/** Decodes a cursor; null when it is not a cursor of this log. */
export function decodeEventCursor(tenant: Tenant, cursor: string): EventCursor | null {
  const text = Buffer.from(cursor, 'base64url').toString('utf8')
  const [, mode, accountId, position, rest] = pattern.exec(text) ?? []
  if (position === undefined || mode !== modeOf(tenant) || accountId !== tenant.accountId) return null
  const [, snapshots, epoch, print] = anchorPattern.exec(rest ?? '') ?? []
  const at = { position: BigInt(position) }
  if (epoch === undefined) return { ...at, snapshotsAfter: rest ?? null, anchor: unknownAnchor }
  const snapshotsAfter = snapshots === '0' ? '' : (snapshots ?? null)
  return { ...at, snapshotsAfter, anchor: { epoch, print: print ?? null } }
}
