import { InputError } from '../../errors.ts'
import { Prisma, type ReportRun, type ReportRunEvent } from '../../postgres/generated/prisma/client.ts'
import { preview } from '../../reports/parameters.ts'
import { tenantOf, type Viewer } from '../../tenant.ts'
import { inScope, opening, type RunScope } from '../list/filter.ts'
import { runColumns } from '../list/run-rows.ts'
import type { Services } from '../services.ts'
import {
  cursorAfter,
  decodeEventCursor,
  type EventCursor,
  isOfHistory,
  type LogEnd,
  logBounds,
  readAnchor,
  readEvents,
  readLogEnd,
} from './event-log.ts'
import type { RunEvent, RunEventPage } from './run-event.ts'

// Maximum number of events that one page searches for events in its scope. After that the page ends, and `hasMore` is true.
const maxScanned = 1_000
/** Maximum number of events that a search reads at once, unless the page is larger. */
const maxStep = 500

type ReadServices = Pick<Services, 'prisma' | 'rows' | 'runLoader' | 'now'>

/** Decodes an event cursor. @throws InputError when it is not a cursor of the viewer's log */
export function readEventCursor(viewer: Viewer, text: string): EventCursor {
  const cursor = decodeEventCursor(viewer, text)
  if (cursor) return cursor
  throw new InputError(
    `${preview(text)} is not an event cursor of this account and mode. Use an eventCursor that the API returned to a key of the same account and mode.`,
    ['after'],
  )
}

/**
 * A page of the events after a cursor, oldest first.
 *
 * @param after null for the oldest event that is kept
 * @param first the maximum number of events
 */
export async function readRunEvents(
  services: ReadServices,
  viewer: Viewer,
  scope: RunScope,
  after: EventCursor | null,
  first: number,
): Promise<RunEventPage> {
  const start = after ?? {
    position: (await logBounds(services.prisma, viewer)).keptAfter,
    snapshotsAfter: null,
  }
  const page: RunEventPage = { events: [], end: start, hasMore: true }
  // One event more than the page has: it shows whether there are more.
  for (let scanned = 0; page.hasMore && page.events.length <= first && scanned < maxScanned; ) {
    const limit = Math.min(Math.max(first + 1, Math.min(scanned, maxStep)), maxScanned - scanned)
    const { snapshotsAfter } = page.end
    const step =
      snapshotsAfter === null
        ? await readChanges(services, viewer, scope, page.end, limit)
        : await readSnapshots(services, viewer, scope, { ...page.end, snapshotsAfter }, limit)
    page.events.push(...step.events)
    page.end = step.end
    page.hasMore = step.hasMore
    scanned += limit
  }
  const events = page.events.slice(0, first)
  const last = events.at(-1)
  return last && page.events.length > first ? { events, end: last.cursor, hasMore: true } : page
}

/**
 * Converts an event of the log, with its cursor, for delivery; null when it is not delivered, because its run is not in the
 * scope, or because it is progress or an update of a deleted run. Events of a deleted run do not contain the run.
 */
export function toRunEvent(
  scope: RunScope,
  event: ReportRunEvent,
  cursor: EventCursor,
  run: ReportRun | null,
): (RunEvent & { kind: 'CHANGED' }) | null {
  if (!run || !inScope(scope, run)) return null
  const isDeleted = run.deletedAt !== null
  if (isDeleted && (event.kind === 'PROGRESSED' || event.kind === 'UPDATED')) return null
  return {
    kind: 'CHANGED',
    tenant: tenantOf(event),
    cursor,
    occurredAt: event.occurredAt,
    event,
    run: isDeleted ? null : run,
  }
}

async function readSnapshots(
  { rows, now }: ReadServices,
  viewer: Viewer,
  scope: RunScope,
  { snapshotsAfter, ...start }: EventCursor & { snapshotsAfter: string },
  limit: number,
): Promise<RunEventPage> {
  const query = Prisma.sql`select ${runColumns} from report_runs
    where ${opening(viewer, scope)} and id > ${snapshotsAfter} order by id limit ${limit}`
  const runs = await rows<ReportRun>(query, 'each')
  const occurredAt = now()
  return {
    events: runs.map((run) => ({
      kind: 'SNAPSHOT',
      tenant: viewer,
      cursor: { ...start, snapshotsAfter: run.id },
      occurredAt,
      run,
    })),
    end: { ...start, snapshotsAfter: runs.length < limit ? null : (runs.at(-1)?.id ?? null) },
    hasMore: true,
  }
}

/**
 * Events after a position, with the current state of their runs. Returns a reset instead when some of the events have been
 * pruned, or when the cursor belongs to another history of the log, because a backup of the database was restored.
 */
async function readChanges(
  services: ReadServices,
  viewer: Viewer,
  scope: RunScope,
  start: EventCursor,
  limit: number,
): Promise<RunEventPage> {
  const { prisma, runLoader } = services
  // The end is read first: events that are appended in between are then certain to be read.
  const end = await readLogEnd(prisma, viewer)
  const { epoch } = end.anchor
  const read = await readAfter(services, viewer, scope, start, end, limit)
  if (read === null) return resetLog(services, viewer)
  const runs = await Promise.all(read.map((event) => runLoader.load(event.runId)))
  const events = read.flatMap(
    (event, index) => toRunEvent(scope, event, cursorAfter(event, epoch), runs[index] ?? null) ?? [],
  )
  const last = read.at(-1)
  const newest = last ? cursorAfter(last, epoch) : start
  const hasMore = read.length === limit && newest.position < end.position
  // The last events of the log may be of other runs.
  return { events, end: hasMore || newest.position > end.position ? newest : end, hasMore }
}

/** The events of the scope after a cursor; null when some of the events are missing, or it belongs to another history. */
async function readAfter(
  { prisma, rows }: ReadServices,
  viewer: Viewer,
  scope: RunScope,
  start: EventCursor,
  end: LogEnd,
  limit: number,
): Promise<ReportRunEvent[] | null> {
  const { position } = start
  const { epoch } = end.anchor
  if (scope.kind === 'run') {
    // The positions of the events of one run are not consecutive, so they do not show gaps.
    const read = await readEvents(rows, viewer, position, limit, scope.id)
    const anchor = start.anchor && (await readAnchor(prisma, viewer, position))
    const isWhole = position <= end.position && position >= (await logBounds(prisma, viewer)).keptAfter
    return isWhole && isOfHistory(start, epoch, anchor) ? read : null
  }
  // With the event at the position itself, which shows whether the cursor belongs to this history.
  const [first, ...rest] = await readEvents(rows, viewer, position - 1n, limit + 1)
  const isAnchor = first?.position === position
  const read = first && !isAnchor ? [first, ...rest].slice(0, limit) : rest
  const followsDirectly = read[0] ? read[0].position === position + 1n : position === end.position
  return followsDirectly && isOfHistory(start, epoch, isAnchor ? first : undefined) ? read : null
}

/** Reports that events are missing, and continues with snapshots at the end of the log. */
async function resetLog({ prisma, now }: ReadServices, viewer: Viewer): Promise<RunEventPage> {
  const { end, keptAfter } = await logBounds(prisma, viewer)
  const start = { ...end, snapshotsAfter: '' }
  const { epoch } = end.anchor
  const oldest = { position: keptAfter, snapshotsAfter: null, anchor: { epoch, print: null } }
  return {
    events: [{ kind: 'RESET', tenant: viewer, cursor: start, occurredAt: now(), oldest }],
    end: start,
    hasMore: true,
  }
}
