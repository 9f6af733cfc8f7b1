import type { Logger } from 'pino'
import type { Viewer } from '../auth/viewer.ts'
import type { ReportRun } from '../database/generated/prisma/client.ts'
import { closableStream } from '../events/closable-stream.ts'
import type { LogPlace } from '../events/event-cursor.ts'
import type { Hub } from '../events/hub.ts'
import { insist } from '../events/insist.ts'
import type { LogEntry } from '../events/topic.ts'
import { type ReadDependencies, readRunEvents } from './read-run-events.ts'
import { type RunEvent, toRunEvent } from './run-event.ts'
import type { RunScope } from './run-scope.ts'
import { isFinal } from './status.ts'

// What a reader that comes late reads at once, and keeps until it was sent.
const catchUpPage = 200

export type FollowEventsDependencies = ReadDependencies & { hub: Hub; log: Logger }

export type FollowEventsOptions = {
  scope: RunScope
  /** Where to go on; null for from now on, after a snapshot of each live run. */
  after: LogPlace | null
  /** Least time between two events of progress of one run, in milliseconds. */
  progressInterval: number
}

/** Leaves out progress that comes too soon after the last of the same run; whatever else happens is kept. */
const createThinner = (interval: number): ((event: RunEvent) => boolean) => {
  const shownAt = new Map<string, number>()
  return (told) => {
    if (told.kind !== 'CHANGED') return true
    const { kind, runId, toStatus, occurredAt } = told.event
    if (isFinal(toStatus)) shownAt.delete(runId)
    if (kind !== 'PROGRESSED') return true
    const at = occurredAt.getTime()
    // A clock that was set back must not silence a run.
    if (Math.abs(at - (shownAt.get(runId) ?? Number.NEGATIVE_INFINITY)) < interval) return false
    shownAt.set(runId, at)
    return true
  }
}

/**
 * Shows each run never older than it was shown before: entries are loaded when the first reader asks, so an earlier entry
 * may hold a newer run than the one that follows it.
 */
const createTeller = (
  deps: FollowEventsDependencies,
  scope: RunScope,
  signal: AbortSignal,
): ((entry: LogEntry) => Promise<RunEvent | null>) => {
  const versions = new Map<string, number>()
  const what = 'A run could not be loaded for its followers.'
  return async ({ event, run: load }) => {
    const known = versions.get(event.runId) ?? 0
    const loadNewest = async (): Promise<ReportRun | null> => {
      const run = await load()
      return run && run.version < known ? deps.runLoader.load(event.runId) : run
    }
    const run = await insist(loadNewest, { signal, log: deps.log, what })
    if (!run || isFinal(run.status)) versions.delete(event.runId)
    else versions.set(event.runId, run.version)
    return toRunEvent(scope, event, run)
  }
}

type Follower = {
  deps: FollowEventsDependencies
  viewer: Viewer
  scope: RunScope
  isShown: (told: RunEvent) => boolean
  signal: AbortSignal
}

/** Reads the log itself up to its end, and returns where that is. */
async function* catchUp(
  { deps, viewer, scope, isShown, signal }: Follower,
  start: LogPlace,
): AsyncGenerator<RunEvent, LogPlace, undefined> {
  const what = 'The event log could not be read for one of its followers.'
  let place = start
  while (true) {
    const read = () => readRunEvents(deps, viewer, scope, place, catchUpPage)
    const page = await insist(read, { signal, log: deps.log, what })
    yield* page.events.filter(isShown)
    place = page.end
    if (!page.hasMore) return place
  }
}

async function* follow(
  follower: Follower,
  after: LogPlace | null,
): AsyncGenerator<RunEvent, void, undefined> {
  const { deps, viewer, scope, isShown, signal } = follower
  const feed = await deps.hub.follow(viewer, signal)
  const tell = createTeller(deps, scope, signal)
  let { position } = yield* catchUp(follower, after ?? { position: feed.start, snapshotsAfter: '' })
  let entries = await feed.after(position)
  while (entries !== null) {
    if (entries === 'behind') {
      ;({ position } = yield* catchUp(follower, { position, snapshotsAfter: null }))
    } else {
      for (const entry of entries) {
        const told = await tell(entry)
        if (told && isShown(told)) yield told
        position = entry.event.position
      }
    }
    entries = await feed.after(position)
  }
}

/**
 * Every event of the viewer's log in order, without end: those after a place first, then each as it is committed. Nothing
 * is left out but progress that comes too often; nothing comes twice.
 *
 * It holds one place in the log and no queue, so that a slow reader costs no memory: one that falls behind reads the log
 * for itself. An outage of Postgres delays it and does not end it.
 */
export const followRunEvents = (
  deps: FollowEventsDependencies,
  viewer: Viewer,
  { scope, after, progressInterval }: FollowEventsOptions,
): AsyncIterableIterator<RunEvent, void, undefined> => {
  const isShown = createThinner(progressInterval)
  return closableStream((signal) => follow({ deps, viewer, scope, isShown, signal }, after))
}
