import type { Viewer } from '../../auth/viewer.ts'
import { InputError } from '../../errors.ts'
import type { Prisma } from '../../postgres/client.ts'
import type { ReportRunEvent } from '../../postgres/generated/prisma/client.ts'
import type { RunLoader } from '../list/find-run.ts'
import { decodeEventCursor, type LogPlace } from './event-cursor.ts'
import { lastPosition, logBounds, readEvents } from './event-log.ts'
import { type RunEvent, toRunEvent } from './run-event.ts'
import { opening, type RunScope } from './run-scope.ts'

export const largestEventPage = 500
// Events that one page looks through for those in its scope; then it ends, with more to come.
const mostScanned = 5_000

export type ReadDependencies = { prisma: Prisma; runLoader: RunLoader; now: () => Date }

export type RunEventPage = {
  events: RunEvent[]
  /** Where the next page begins. */
  end: LogPlace
  hasMore: boolean
}

/** @throws InputError when the cursor is none of the viewer's log */
export function placeOfCursor(viewer: Viewer, cursor: string): LogPlace {
  const place = decodeEventCursor(viewer, cursor)
  if (place) return place
  throw new InputError(
    `${JSON.stringify(cursor)} is no cursor of this account's event log in this mode. Pass one that the API gave to a key of the same account and mode.`,
    ['after'],
  )
}

type Read = {
  prisma: Prisma
  viewer: Viewer
  runId: string | undefined
  position: bigint
  /** The end of the log before it was read. */
  last: bigint
  read: readonly ReportRunEvent[]
}

/**
 * A page of what happened after a place, oldest first.
 *
 * @param place null for the oldest event that is kept
 * @param first the most events to give, 1 to 500
 * @throws InputError for a page size that is not allowed
 */
export async function readRunEvents(
  deps: ReadDependencies,
  viewer: Viewer,
  scope: RunScope,
  place: LogPlace | null,
  first: number,
): Promise<RunEventPage> {
  if (first < 1 || first > largestEventPage) {
    throw new InputError(`first is ${first}; it has to be from 1 to ${largestEventPage}.`, ['first'])
  }
  const start = place ?? {
    position: (await logBounds(deps.prisma, viewer)).keptAfter,
    snapshotsAfter: null,
  }
  const page: RunEventPage = { events: [], end: start, hasMore: true }
  for (let scanned = 0; page.hasMore && page.events.length < first && scanned < mostScanned; ) {
    const limit = first - page.events.length
    const step = await readStep(deps, viewer, scope, page.end, limit)
    page.events.push(...step.events)
    page.end = step.end
    page.hasMore = step.hasMore
    scanned += limit
  }
  return page
}

/** Live runs as they are now, from where their telling stopped. */
async function readSnapshots(
  { prisma, now }: ReadDependencies,
  viewer: Viewer,
  scope: RunScope,
  { position, snapshotsAfter }: LogPlace & { snapshotsAfter: string },
  limit: number,
): Promise<RunEventPage> {
  const runs = await prisma.reportRun.findMany({
    where: { AND: [opening(viewer, scope), { id: { gt: snapshotsAfter } }] },
    orderBy: { id: 'asc' },
    take: limit,
  })
  const occurredAt = now()
  return {
    events: runs.map((run) => ({
      kind: 'SNAPSHOT',
      tenant: viewer,
      place: { position, snapshotsAfter: run.id },
      occurredAt,
      run,
    })),
    end: { position, snapshotsAfter: runs.length < limit ? null : (runs.at(-1)?.id ?? null) },
    hasMore: true,
  }
}

/** True when nothing is missing between the position and what was read after it. */
async function isWhole({ prisma, viewer, runId, position, last, read }: Read): Promise<boolean> {
  // Among the events of one run nothing shows what is missing.
  if (runId !== undefined) return position <= last && position >= (await logBounds(prisma, viewer)).keptAfter
  const [first] = read
  return first ? first.position === position + 1n : position === last
}

/**
 * Events after a position, with their runs as they are now; null when some of them are not kept any more, or when the
 * position lies beyond the log's end, because the log was lost and begun anew by an older backup of the database.
 */
async function readChanges(
  { prisma, runLoader }: ReadDependencies,
  viewer: Viewer,
  scope: RunScope,
  position: bigint,
  limit: number,
): Promise<RunEventPage | null> {
  const runId = scope.kind === 'run' ? scope.id : undefined
  // The end comes first: what is appended in between is then read for certain.
  const last = await lastPosition(prisma, viewer)
  const read = await readEvents(prisma, viewer, position, limit, runId)
  if (!(await isWhole({ prisma, viewer, runId, position, last, read }))) return null
  const runs = await Promise.all(read.map((event) => runLoader.load(event.runId)))
  const events = read.flatMap((event, index) => toRunEvent(scope, event, runs[index] ?? null) ?? [])
  const newest = read.at(-1)?.position ?? position
  const hasMore = read.length === limit && newest < last
  // Of one run there may be no event up to the end of the log.
  return {
    events,
    end: { position: hasMore || newest > last ? newest : last, snapshotsAfter: null },
    hasMore,
  }
}

/** Says that events are missing, and goes on with snapshots at the end of the log. */
async function resetLog({ prisma, now }: ReadDependencies, viewer: Viewer): Promise<RunEventPage> {
  const { last, keptAfter } = await logBounds(prisma, viewer)
  const place = { position: last, snapshotsAfter: '' }
  return {
    events: [{ kind: 'RESET', tenant: viewer, place, occurredAt: now(), keptAfter }],
    end: place,
    hasMore: true,
  }
}

/** One look at the log: snapshots while they are due, else events. */
async function readStep(
  deps: ReadDependencies,
  viewer: Viewer,
  scope: RunScope,
  place: LogPlace,
  limit: number,
): Promise<RunEventPage> {
  const { position, snapshotsAfter } = place
  if (snapshotsAfter !== null) return readSnapshots(deps, viewer, scope, { position, snapshotsAfter }, limit)
  return (await readChanges(deps, viewer, scope, position, limit)) ?? (await resetLog(deps, viewer))
}
