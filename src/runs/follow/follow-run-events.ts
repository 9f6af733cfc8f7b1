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
import type { LogEntry } from './topic.ts'

// Number of events that a lagging reader reads at once and holds until they are sent.
const catchUpPage = 100

// Runs that a subscription remembers. Entries of runs that have ended are useless but harmless.
const maxRemembered = 10_000

export type FollowEventsOptions = {
  scope: RunScope
  /** Resume after this cursor; null to start now, with a snapshot of each live run. */
  after: EventCursor | null
  /** Minimum time between two progress events of one run, in milliseconds. */
  progressInterval: number
}

type FollowServices = Pick<Services, 'prisma' | 'rows' | 'runLoader' | 'hub' | 'logger' | 'now' | 'metrics'>

type Subscription = {
  services: FollowServices
  viewer: Viewer
  signal: AbortSignal
  scope: RunScope
  isShown: (runEvent: RunEvent) => boolean
  /** The version of each run that was sent last. */
  versions: ReturnType<typeof createMemory<number>>
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
  { scope, after, progressInterval }: FollowEventsOptions,
): AsyncIterableIterator<RunEvent, void, undefined> {
  return closableStream(async function* (signal) {
    const isShown = throttleProgress(progressInterval)
    const { hub, logger } = services
    const retry: Subscription['retry'] = (attempt, failureMessage) =>
      retryDuringOutage(attempt, { signal, logger, failureMessage })
    const follower = await retry(
      () => hub.follow(viewer, signal),
      'Failed to find the end of the event log for a follower.',
    )
    const subscription = { services, viewer, signal, scope, isShown, versions: createMemory<number>(), retry }
    yield* follow(subscription, follower, after ?? { ...follower.start, snapshotsAfter: '' })
  })
}

/** A map of limited size that drops the entry written longest ago. */
function createMemory<Value>() {
  const values = new Map<string, Value>()
  return {
    clear: (): void => values.clear(),
    get: (runId: string): Value | undefined => values.get(runId),
    set: (runId: string, value: Value): void => {
      values.delete(runId)
      values.set(runId, value)
      const [oldest] = values.keys()
      if (oldest !== undefined && values.size > maxRemembered) values.delete(oldest)
    },
  }
}

/** Returns false for a progress event that follows the previous one of its run too soon, and true for every other event. */
function throttleProgress(interval: number): (runEvent: RunEvent) => boolean {
  const shownAt = createMemory<number>()
  return (runEvent) => {
    if (runEvent.kind !== 'CHANGED' || runEvent.event.kind !== 'PROGRESSED') return true
    const { runId, occurredAt } = runEvent.event
    const at = occurredAt.getTime()
    // After a clock is set back, progress must still be shown.
    if (Math.abs(at - (shownAt.get(runId) ?? Number.NEGATIVE_INFINITY)) < interval) return false
    shownAt.set(runId, at)
    return true
  }
}

async function* follow(
  subscription: Subscription,
  follower: LogFollower,
  start: EventCursor,
): AsyncGenerator<RunEvent, void, undefined> {
  let cursor = yield* catchUp(subscription, start)
  let entries = await follower.after(cursor.position)
  while (entries !== null) {
    if (entries === 'lagged') {
      cursor = yield* catchUp(subscription, cursor)
    } else {
      yield* sendEntries(subscription, entries)
      cursor = entries.at(-1)?.cursor ?? cursor
    }
    entries = await follower.after(cursor.position)
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

/** The event of a shared page, whose run can be older than one that the subscriber has received; null when it left the scope. */
async function withNewestRun(
  { services, scope, versions, retry }: Subscription,
  runEvent: RunEvent,
): Promise<RunEvent | null> {
  if (runEvent.kind === 'RESET') versions.clear()
  if (runEvent.kind === 'RESET' || !runEvent.run) return runEvent
  const { id, version } = runEvent.run
  if (version >= (versions.get(id) ?? 0)) {
    versions.set(id, version)
    return runEvent
  }
  const run = await retry(() => services.runLoader.load(id), 'Failed to load a run for its followers.')
  if (run) versions.set(id, run.version)
  if (runEvent.kind === 'CHANGED') return toRunEvent(scope, runEvent.event, runEvent.cursor, run)
  return run && run.deletedAt === null ? { ...runEvent, run } : null
}

/** Null when the event is not delivered. A run is never shown in an older version than before. */
async function loadRunEvent(
  { services, scope, versions, retry }: Subscription,
  { event, cursor, run: load }: LogEntry,
): Promise<RunEvent | null> {
  const run = await retry(async () => {
    const loaded = await load()
    // The first reader loads an entry, so an earlier entry can hold a newer version of the run than this one.
    const isOlder = loaded && loaded.version < (versions.get(event.runId) ?? 0)
    return isOlder ? services.runLoader.load(event.runId) : loaded
  }, 'Failed to load a run for its followers.')
  if (run) versions.set(run.id, run.version)
  return toRunEvent(scope, event, cursor, run)
}
