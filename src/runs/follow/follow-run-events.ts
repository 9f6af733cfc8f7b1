import { eventLoopTurn } from '../../event-loop.ts'
import { retryDuringOutage } from '../../postgres/outage.ts'
import type { Viewer } from '../../tenant.ts'
import type { RunScope } from '../list/filter.ts'
import type { Services } from '../services.ts'
import { closableStream } from './closable-stream.ts'
import { type EventCursor, encodeEventCursor } from './event-log.ts'
import type { LogFollower } from './hub.ts'
import { readRunEvents, toRunEvent } from './read-run-events.ts'
import type { RunEvent, RunEventPage } from './run-event.ts'
import { throttleProgress } from './throttle-progress.ts'
import type { LogEntry } from './topic.ts'

// Number of events that a lagging reader reads at once and holds until they are sent.
const catchUpPage = 100

export type FollowEventsOptions = {
  scope: RunScope
  /** Resume after this cursor; null to start now, with a snapshot of each live run. */
  after: EventCursor | null
  /** Minimum time between two progress events of one run, in milliseconds. */
  progressInterval: number
}

export type FollowServices = Pick<
  Services,
  'prisma' | 'rows' | 'runLoader' | 'hub' | 'logger' | 'now' | 'metrics'
>

export type Subscription = {
  services: FollowServices
  viewer: Viewer
  signal: AbortSignal
  scope: RunScope
  isShown: (runEvent: RunEvent) => boolean
  follower: LogFollower
  /** The entries after a position. */
  read: ReturnType<LogFollower['reader']>
  retry: <Result>(attempt: () => Promise<Result>, failureMessage: string) => Promise<Result>
}

/**
 * Yields the events of the viewer's log in order, without end: first those after a cursor, then each as it is committed. Each
 * event is delivered once; only progress events that follow too quickly are skipped.
 *
 * The stream holds one position in the log and no queue, so that a slow reader needs no memory: when it lags, it reads the
 * log itself. A Postgres outage delays the stream but does not end it.
 */
export function followRunEvents(
  services: FollowServices,
  viewer: Viewer,
  options: FollowEventsOptions,
): AsyncIterableIterator<RunEvent, void, undefined> {
  return closableStream(async function* (signal) {
    const follower = await followLog(services, viewer, signal)
    const subscription = subscribeTo(follower, services, viewer, options, signal)
    yield* follow(subscription, options.after, async (cursor) => {
      await follower.wait()
      return cursor
    })
  })
}

/** Follows the end of the viewer's log until the signal aborts. An outage delays it. */
export function followLog(
  { hub, logger }: FollowServices,
  viewer: Viewer,
  signal: AbortSignal,
  readers?: () => number,
): Promise<LogFollower> {
  const failureMessage = 'Failed to find the end of the event log for a follower.'
  return retryDuringOutage(() => hub.follow(viewer, signal, readers), { signal, logger, failureMessage })
}

/** A subscription that reads through a follower of its log. */
export function subscribeTo(
  follower: LogFollower,
  services: FollowServices,
  viewer: Viewer,
  { scope, progressInterval }: Omit<FollowEventsOptions, 'after'>,
  signal: AbortSignal,
): Subscription {
  return {
    services,
    viewer,
    signal,
    scope,
    isShown: throttleProgress(progressInterval),
    follower,
    read: follower.reader(),
    retry: (attempt, failureMessage) =>
      retryDuringOutage(attempt, { signal, logger: services.logger, failureMessage }),
  }
}

/**
 * Yields the events after a cursor, with a snapshot of each live run first when it is null.
 *
 * @param wait waits at a cursor while no events follow it, and returns the cursor to continue from
 */
export async function* follow(
  subscription: Subscription,
  after: EventCursor | null,
  wait: (cursor: EventCursor) => Promise<EventCursor>,
): AsyncGenerator<RunEvent, void, undefined> {
  const { follower, read, signal } = subscription
  let cursor = yield* catchUp(subscription, after ?? { ...follower.end(), snapshotsAfter: '' })
  while (!signal.aborted) {
    const entries = read(cursor.position)
    if (entries === 'lagged') {
      cursor = yield* catchUp(subscription, cursor)
    } else if (entries.length === 0) {
      // Called in the same turn as `read`, so that no event is missed in between.
      cursor = await wait(cursor)
    } else {
      yield* sendEntries(subscription, entries)
      cursor = entries.at(-1)?.cursor ?? cursor
    }
  }
}

async function* sendEntries(
  subscription: Subscription,
  entries: readonly LogEntry[],
): AsyncGenerator<RunEvent, void, undefined> {
  for (const entry of entries) {
    await eventLoopTurn(subscription.viewer.accountId)
    const runEvent = await loadRunEvent(subscription, entry)
    if (runEvent && subscription.isShown(runEvent)) yield runEvent
  }
}

/** Yields the events of the log from `start` to its end, and returns the cursor of the end. */
async function* catchUp(
  subscription: Subscription,
  start: EventCursor,
): AsyncGenerator<RunEvent, EventCursor, undefined> {
  const { services, viewer, isShown } = subscription
  let cursor = start
  using reading = new DisposableStack()
  reading.defer(services.metrics.catchUpStarted())
  while (true) {
    const page = await readPage(subscription, cursor)
    for (const shared of page.events) {
      await eventLoopTurn(viewer.accountId)
      const runEvent = await withNewestRun(subscription, shared)
      if (runEvent && isShown(runEvent)) yield runEvent
    }
    cursor = page.end
    if (!page.hasMore) return cursor
  }
}

function readPage(
  { services, viewer, signal, scope, retry }: Subscription,
  cursor: EventCursor,
): Promise<RunEventPage> {
  const key = JSON.stringify([encodeEventCursor(viewer, cursor), scope])
  const read = () => readRunEvents(services, viewer, scope, cursor, catchUpPage)
  return retry(
    () => services.hub.catchUp.read({ accountId: viewer.accountId, key, signal, read }),
    'Failed to read the event log for a follower.',
  )
}

/** The event of a shared page, whose run can be older than one that followers have received; null when it left the scope. */
async function withNewestRun(
  { services, scope, follower: { versions, newestRun }, retry }: Subscription,
  runEvent: RunEvent,
): Promise<RunEvent | null> {
  if (runEvent.kind === 'RESET' || !runEvent.run) return runEvent
  const { id } = runEvent.run
  if (versions.note(runEvent.run)) return runEvent
  const known = newestRun(id)
  const run =
    known && versions.note(known)
      ? known
      : await retry(() => services.runLoader.load(id), 'Failed to load a run for its followers.')
  if (run) versions.note(run)
  if (runEvent.kind === 'CHANGED') return toRunEvent(scope, runEvent.event, runEvent.cursor, run)
  return run && run.deletedAt === null ? { ...runEvent, run } : null
}

/** Null when the event is not delivered. A run is never shown in an older version than before. */
export async function loadRunEvent(
  { services, scope, follower: { versions }, retry }: Subscription,
  { event, cursor, run: load }: LogEntry,
): Promise<RunEvent | null> {
  const run = await retry(async () => {
    const loaded = await load()
    // The first reader loads an entry, so an earlier entry can hold a newer version of the run than this one.
    return !loaded || versions.note(loaded) ? loaded : services.runLoader.load(event.runId)
  }, 'Failed to load a run for its followers.')
  if (run) versions.note(run)
  return toRunEvent(scope, event, cursor, run)
}
