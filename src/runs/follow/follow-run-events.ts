import { retryDuringOutage } from '../../postgres/outage.ts'
import type { Viewer } from '../../tenant.ts'
import type { RunScope } from '../list/filter.ts'
import type { Services } from '../services.ts'
import { closableStream } from './closable-stream.ts'
import type { EventCursor } from './event-log.ts'
import type { LogFollower } from './hub.ts'
import { type RunEvent, readRunEvents, toRunEvent } from './read-run-events.ts'
import type { LogEntry } from './topic.ts'

// What a reader that has lagged reads at once, and keeps until it was sent.
const catchUpPage = 200

// Of runs that a subscription was sent last; what is kept of one that has ended is of no use, but of no harm either.
const maxRemembered = 10_000

export type FollowEventsOptions = {
  scope: RunScope
  /** Where to go on; null for from now on, after a snapshot of each live run. */
  after: EventCursor | null
  /** Least time between two events of progress of one run, in milliseconds. */
  progressInterval: number
}

type FollowServices = Pick<Services, 'prisma' | 'runLoader' | 'hub' | 'logger' | 'now'>

type Subscription = {
  services: FollowServices
  viewer: Viewer
  scope: RunScope
  isShown: (runEvent: RunEvent) => boolean
  /** The version in which each run was sent last. */
  versions: ReturnType<typeof createMemory<number>>
  retry: <Result>(attempt: () => Promise<Result>, failureMessage: string) => Promise<Result>
}

/**
 * Every event of the viewer's log in order, without end: those after a cursor first, then each as it is committed. Nothing
 * is left out but progress that comes too often; nothing comes twice.
 *
 * It holds one position in the log and no queue, so that a slow reader costs no memory: when it lags, it reads the log
 * itself. An outage of Postgres delays it and does not end it.
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
      'The end of the event log could not be found for one of its followers.',
    )
    const subscription = { services, viewer, scope, isShown, versions: createMemory<number>(), retry }
    yield* follow(subscription, follower, after ?? { position: follower.start, snapshotsAfter: '' })
  })
}

/** A map that forgets what was written longest ago. */
function createMemory<Value>() {
  const values = new Map<string, Value>()
  return {
    get: (runId: string): Value | undefined => values.get(runId),
    set: (runId: string, value: Value): void => {
      values.delete(runId)
      values.set(runId, value)
      const [oldest] = values.keys()
      if (oldest !== undefined && values.size > maxRemembered) values.delete(oldest)
    },
  }
}

/** Leaves out progress that comes too soon after the last of the same run; every other event is kept. */
function throttleProgress(interval: number): (runEvent: RunEvent) => boolean {
  const shownAt = createMemory<number>()
  return (runEvent) => {
    if (runEvent.kind !== 'CHANGED' || runEvent.event.kind !== 'PROGRESSED') return true
    const { runId, occurredAt } = runEvent.event
    const at = occurredAt.getTime()
    // A clock that was set back must not silence a run.
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
  let { position } = yield* catchUp(subscription, start)
  let entries = await follower.after(position)
  while (entries !== null) {
    if (entries === 'lagged') {
      ;({ position } = yield* catchUp(subscription, { position, snapshotsAfter: null }))
    } else {
      for (const entry of entries) {
        const runEvent = await loadRunEvent(subscription, entry)
        if (runEvent && subscription.isShown(runEvent)) yield runEvent
        position = entry.event.position
      }
    }
    entries = await follower.after(position)
  }
}

/** Reads the log itself up to its end, and returns where that is. */
async function* catchUp(
  { services, viewer, scope, isShown, versions, retry }: Subscription,
  start: EventCursor,
): AsyncGenerator<RunEvent, EventCursor, undefined> {
  let cursor = start
  while (true) {
    const read = () => readRunEvents(services, viewer, scope, cursor, catchUpPage)
    const page = await retry(read, 'The event log could not be read for one of its followers.')
    for (const runEvent of page.events) {
      if (runEvent.kind !== 'RESET' && runEvent.run) versions.set(runEvent.run.id, runEvent.run.version)
      if (isShown(runEvent)) yield runEvent
    }
    cursor = page.end
    if (!page.hasMore) return cursor
  }
}

/** Null when it is not to be delivered. A run is never shown older than it was shown before. */
async function loadRunEvent(
  { services, scope, versions, retry }: Subscription,
  { event, run: load }: LogEntry,
): Promise<RunEvent | null> {
  const run = await retry(async () => {
    const loaded = await load()
    // Entries are loaded when the first reader asks, so an earlier one may have held a newer run than this one.
    const isOlder = loaded && loaded.version < (versions.get(event.runId) ?? 0)
    return isOlder ? services.runLoader.load(event.runId) : loaded
  }, 'A run could not be loaded for its followers.')
  if (run) versions.set(run.id, run.version)
  return toRunEvent(scope, event, run)
}
