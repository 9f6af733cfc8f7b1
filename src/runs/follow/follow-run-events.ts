import type { Logger } from 'pino'
import type { Viewer } from '../../auth/viewer.ts'
import { retryDuringOutage } from '../../postgres/retry.ts'
import { closableStream } from './closable-stream.ts'
import type { LogPlace } from './event-cursor.ts'
import type { Hub } from './hub.ts'
import { type ReadDependencies, readRunEvents } from './read-run-events.ts'
import { type RunEvent, toRunEvent } from './run-event.ts'
import type { RunScope } from './run-scope.ts'
import type { LogEntry } from './topic.ts'

// What a reader that comes late reads at once, and keeps until it was sent.
const catchUpPage = 200

export type FollowEventsDependencies = ReadDependencies & { hub: Hub; logger: Logger }

export type FollowEventsOptions = {
  scope: RunScope
  /** Where to go on; null for from now on, after a snapshot of each live run. */
  after: LogPlace | null
  /** Least time between two events of progress of one run, in milliseconds. */
  progressInterval: number
}

// Of runs that a follower was told of last; what is kept of one that ended is of no use, but of no harm either.
const mostRemembered = 10_000

type Follower = {
  deps: FollowEventsDependencies
  viewer: Viewer
  scope: RunScope
  isShown: (told: RunEvent) => boolean
  /** The version in which each run was shown last. */
  versions: ReturnType<typeof createMemory<number>>
  signal: AbortSignal
}

/**
 * Every event of the viewer's log in order, without end: those after a place first, then each as it is committed. Nothing
 * is left out but progress that comes too often; nothing comes twice.
 *
 * It holds one place in the log and no queue, so that a slow reader costs no memory: one that falls behind reads the log
 * for itself. An outage of Postgres delays it and does not end it.
 */
export function followRunEvents(
  deps: FollowEventsDependencies,
  viewer: Viewer,
  { scope, after, progressInterval }: FollowEventsOptions,
): AsyncIterableIterator<RunEvent, void, undefined> {
  return closableStream((signal) => {
    const isShown = createThinner(progressInterval)
    return follow({ deps, viewer, scope, isShown, versions: createMemory(), signal }, after)
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
      if (oldest !== undefined && values.size > mostRemembered) values.delete(oldest)
    },
  }
}

/** Leaves out progress that comes too soon after the last of the same run; whatever else happens is kept. */
function createThinner(interval: number): (told: RunEvent) => boolean {
  const shownAt = createMemory<number>()
  return (told) => {
    if (told.kind !== 'CHANGED' || told.event.kind !== 'PROGRESSED') return true
    const { runId, occurredAt } = told.event
    const at = occurredAt.getTime()
    // A clock that was set back must not silence a run.
    if (Math.abs(at - (shownAt.get(runId) ?? Number.NEGATIVE_INFINITY)) < interval) return false
    shownAt.set(runId, at)
    return true
  }
}

/** An entry as it is told; null when it is not. No run is shown older than it was shown before. */
async function tell(follower: Follower, { event, run: load }: LogEntry): Promise<RunEvent | null> {
  const { deps, scope, versions, signal } = follower
  const failureMessage = 'A run could not be loaded for its followers.'
  const run = await retryDuringOutage(
    async () => {
      const loaded = await load()
      // Entries are loaded when the first reader asks, so an earlier one may have held a newer run than this one.
      const isOlder = loaded && loaded.version < (versions.get(event.runId) ?? 0)
      return isOlder ? deps.runLoader.load(event.runId) : loaded
    },
    { signal, logger: deps.logger, failureMessage },
  )
  if (run) versions.set(run.id, run.version)
  return toRunEvent(scope, event, run)
}

/** Reads the log itself up to its end, and returns where that is. */
async function* catchUp(
  { deps, viewer, scope, isShown, versions, signal }: Follower,
  start: LogPlace,
): AsyncGenerator<RunEvent, LogPlace, undefined> {
  const failureMessage = 'The event log could not be read for one of its followers.'
  let place = start
  while (true) {
    const read = () => readRunEvents(deps, viewer, scope, place, catchUpPage)
    const page = await retryDuringOutage(read, { signal, logger: deps.logger, failureMessage })
    for (const told of page.events) {
      if (told.kind !== 'RESET' && told.run) versions.set(told.run.id, told.run.version)
      if (isShown(told)) yield told
    }
    place = page.end
    if (!page.hasMore) return place
  }
}

async function* follow(
  follower: Follower,
  after: LogPlace | null,
): AsyncGenerator<RunEvent, void, undefined> {
  const { deps, viewer, isShown, signal } = follower
  const failureMessage = 'The end of the event log could not be found for one of its followers.'
  const feed = await retryDuringOutage(() => deps.hub.follow(viewer, signal), {
    signal,
    logger: deps.logger,
    failureMessage,
  })
  let { position } = yield* catchUp(follower, after ?? { position: feed.start, snapshotsAfter: '' })
  let entries = await feed.after(position)
  while (entries !== null) {
    if (entries === 'behind') {
      ;({ position } = yield* catchUp(follower, { position, snapshotsAfter: null }))
    } else {
      for (const entry of entries) {
        const told = await tell(follower, entry)
        if (told && isShown(told)) yield told
        position = entry.event.position
      }
    }
    entries = await feed.after(position)
  }
}
