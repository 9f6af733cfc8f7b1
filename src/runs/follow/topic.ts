import type { ReportRun, ReportRunEvent } from '../../postgres/generated/prisma/client.ts'
import type { Tenant } from '../../tenant.ts'
import type { LogEnd } from './event-log.ts'
import { createRunVersions, type RunVersions } from './run-versions.ts'

/** An event with its run. The run is loaded at the first delivery, so it is at least as new as the event. */
export type LogEntry = {
  event: ReportRunEvent
  cursor: LogEnd
  /** Loads the run once for all readers; null when the run no longer exists. After a failure the next call loads it again. */
  run(): Promise<ReportRun | null>
}

/** What a subscriber receives: an entry, or that the log is another history now, in which earlier entries may not exist. */
export type Delivery = LogEntry | 'CHANGED_HISTORY'

/** The part of an account's log that this process has read, and its subscribers. */
export type Topic = {
  tenant: Tenant
  /** Resolves when `end` is set; rejects when the end of the log cannot be read. */
  opened: Promise<void>
  /** What has been read of the log. */
  end: LogEnd
  /** Increases when the log continues as another history. */
  histories: number
  /** The newest events, oldest first, without gaps. */
  recent: LogEntry[]
  /** The newest loaded state of runs with recent events, by id. */
  runs: Map<string, ReportRun>
  /** What the followers have received. */
  versions: RunVersions
  /** Subscribers by run id; those to all runs are under null. */
  subscribers: Map<string | null, Set<LatestValue<Delivery>>>
}

// A reader that lags by more entries must read the log itself.
const maxRecent = 1_000

export function createTopic(tenant: Tenant, end: Promise<LogEnd>): Topic {
  const topic: Topic = {
    tenant,
    opened: end.then((known) => {
      topic.end = known
    }),
    end: { position: 0n, snapshotsAfter: null, anchor: { epoch: '', print: null } },
    histories: 0,
    recent: [],
    runs: new Map(),
    versions: createRunVersions(),
    subscribers: new Map(),
  }
  return topic
}

export function addSubscriber(
  { subscribers }: Topic,
  runId: string | null,
  subscriber: LatestValue<Delivery>,
): () => void {
  const ofRun = subscribers.get(runId) ?? new Set()
  subscribers.set(runId, ofRun.add(subscriber))
  return () => {
    ofRun.delete(subscriber)
    if (ofRun.size === 0) subscribers.delete(runId)
  }
}

/** Delivers new entries to the subscribers; returns the number of deliveries. */
export function deliver(topic: Topic, entries: readonly LogEntry[]): number {
  const [first, last] = [entries[0], entries.at(-1)]
  if (!first || !last) return 0
  // The events in between were pruned while this process was paused.
  if (first.event.position !== topic.end.position + 1n) topic.recent = []
  topic.recent = [...topic.recent, ...entries].slice(-maxRecent)
  topic.end = last.cursor
  let delivered = 0
  for (const entry of entries) {
    const ofRun = topic.subscribers.get(entry.event.runId) ?? new Set()
    for (const subscriber of ofRun) subscriber.set(entry)
    delivered += readersOf(ofRun)
  }
  const ofAll = topic.subscribers.get(null) ?? new Set()
  for (const subscriber of ofAll) subscriber.set(last)
  return delivered + entries.length * readersOf(ofAll)
}

function readersOf(subscribers: ReadonlySet<LatestValue<Delivery>>): number {
  let readers = 0
  for (const subscriber of subscribers) readers += subscriber.readers()
  return readers
}

/** Continues at the end of another history of the log, and wakes all subscribers. */
export function changeHistory(topic: Topic, end: LogEnd): void {
  topic.end = end
  topic.recent = []
  topic.runs.clear()
  topic.versions.clear()
  topic.histories++
  for (const ofRun of topic.subscribers.values())
    for (const subscriber of ofRun) subscriber.set('CHANGED_HISTORY')
}

/** Keeps the state of a run for other events of it. */
export function rememberRun({ runs }: Topic, run: ReportRun): void {
  if (run.version < (runs.get(run.id)?.version ?? 0)) return
  runs.delete(run.id)
  runs.set(run.id, run)
  const [oldest] = runs.keys()
  if (oldest !== undefined && runs.size > maxRecent) runs.delete(oldest)
}

/** The entries after a position; null when some of them are not in memory. */
export function recentAfter({ recent }: Topic, position: bigint): readonly LogEntry[] | null {
  const first = recent[0]?.event.position
  if (first === undefined || position + 1n < first) return null
  return recent.slice(Number(position + 1n - first))
}

export type LatestValue<Value> = ReturnType<typeof createLatestValue<Value>>

/**
 * A value that a reader waits for. Only the newest is kept, so that a slow reader needs no more memory than a fast one.
 *
 * @param readers the number of subscriptions that the reader reads for
 */
export function createLatestValue<Value>(signal: AbortSignal, readers: () => number) {
  let latest: Value | null = null
  let wakeReader = (): void => {}
  signal.addEventListener('abort', () => wakeReader(), { once: true })
  return {
    readers,
    set: (value: Value): void => {
      latest = value
      wakeReader()
    },
    /** Takes the newest value, waiting for one if necessary; null when the signal has aborted. */
    take: async (): Promise<Value | null> => {
      if (latest === null && !signal.aborted) {
        await new Promise<void>((resolve) => {
          wakeReader = resolve
        })
      }
      const taken = signal.aborted ? null : latest
      latest = null
      return taken
    },
  }
}
