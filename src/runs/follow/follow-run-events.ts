import type { Viewer } from '../../auth/viewer.ts'
import { retryDuringOutage } from '../../postgres/retry.ts'
import type { Services } from '../services.ts'
import { closableStream } from './closable-stream.ts'
import type { EventCursor } from './event-cursor.ts'
import { readRunEvents } from './read-run-events.ts'
import { type RunEvent, toRunEvent } from './run-event.ts'
import type { RunScope } from './run-scope.ts'
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
  signal: AbortSignal
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
  return closableStream((signal) => {
    const isShown = throttleProgress(progressInterval)
    return follow({ services, viewer, scope, isShown, versions: createMemory(), signal }, after)
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
  after: EventCursor | null,
): AsyncGenerator<RunEvent, void, undefined> {
  const { services, viewer, isShown, signal } = subscription
  const failureMessage = 'The end of the event log could not be found for one of its followers.'
  const open = () => services.hub.follow(viewer, signal)
  const follower = await retryDuringOutage(open, { signal, logger: services.logger, failureMessage })
  let { position } = yield* catchUp(subscription, after ?? { position: follower.start, snapshotsAfter: '' })
  let entries = await follower.after(position)
  while (entries !== null) {
    if (entries === 'lagged') {
      ;({ position } = yield* catchUp(subscription, { position, snapshotsAfter: null }))
    } else {
      for (const entry of entries) {
        const runEvent = await loadRunEvent(subscription, entry)
        if (runEvent && isShown(runEvent)) yield runEvent
        position = entry.event.position
      }
    }
    entries = await follower.after(position)
  }
}

/** Reads the log itself up to its end, and returns where that is. */
async function* catchUp(
  { services, viewer, scope, isShown, versions, signal }: Subscription,
  start: EventCursor,
): AsyncGenerator<RunEvent, EventCursor, undefined> {
  const failureMessage = 'The event log could not be read for one of its followers.'
  let cursor = start
  while (true) {
    const read = () => readRunEvents(services, viewer, scope, cursor, catchUpPage)
    const page = await retryDuringOutage(read, { signal, logger: services.logger, failureMessage })
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
  { services, scope, versions, signal }: Subscription,
  { event, run: load }: LogEntry,
): Promise<RunEvent | null> {
  const failureMessage = 'A run could not be loaded for its followers.'
  const run = await retryDuringOutage(
    async () => {
      const loaded = await load()
      // Entries are loaded when the first reader asks, so an earlier one may have held a newer run than this one.
      const isOlder = loaded && loaded.version < (versions.get(event.runId) ?? 0)
      return isOlder ? services.runLoader.load(event.runId) : loaded
    },
    { signal, logger: services.logger, failureMessage },
  )
  if (run) versions.set(run.id, run.version)
  return toRunEvent(scope, event, run)
}
