import type { ReportRun, ReportRunEvent } from '../../postgres/generated/prisma/client.ts'
import type { Tenant } from '../../tenant.ts'
import type { Mailbox } from './mailbox.ts'

/** An event, with the run as it is at the first delivery: at least as new as the event. */
export type LogEntry = {
  event: ReportRunEvent
  /** Loaded once, whoever asks; null when there is no such run any more. After a failure the next one tries anew. */
  run(): Promise<ReportRun | null>
}

export type RunMailbox = Mailbox<LogEntry>

/** One account's log as far as this process has read it, and who waits for more. */
export type Topic = {
  tenant: Tenant
  /** Position of the last event that was read; fails when the end of the log could not be found. */
  opened: Promise<void>
  position: bigint
  /** The newest events that were read, oldest first, without gaps. */
  recent: LogEntry[]
  /** By the id of the run. */
  mailboxes: Map<string, Set<RunMailbox>>
  /** Called after every read that brought something. */
  followers: Set<() => void>
}

// What a reader may lag behind before it has to read the log for itself.
const mostRecent = 1_000

export function createTopic(tenant: Tenant, lastPosition: Promise<bigint>): Topic {
  const topic: Topic = {
    tenant,
    opened: lastPosition.then((position) => {
      topic.position = position
    }),
    position: 0n,
    recent: [],
    mailboxes: new Map(),
    followers: new Set(),
  }
  return topic
}

/** Hands what was read to whoever waits for it; tells how often an entry was handed to somebody. */
export function deliver(topic: Topic, entries: readonly LogEntry[]): number {
  const [first] = entries
  if (!first) return 0
  // What lies between was pruned while this process was paused.
  if (first.event.position !== topic.position + 1n) topic.recent = []
  topic.recent = [...topic.recent, ...entries].slice(-mostRecent)
  topic.position = entries.at(-1)?.event.position ?? topic.position
  let delivered = entries.length * topic.followers.size
  for (const entry of entries) {
    const mailboxes = topic.mailboxes.get(entry.event.runId) ?? new Set()
    for (const mailbox of mailboxes) mailbox.put(entry)
    delivered += mailboxes.size
  }
  for (const wake of topic.followers) wake()
  return delivered
}

/** The entries after a position; null when they are not all at hand. */
export function recentAfter({ recent }: Topic, position: bigint): readonly LogEntry[] | null {
  const first = recent[0]?.event.position
  if (first === undefined || position + 1n < first) return null
  return recent.slice(Number(position + 1n - first))
}

/** True when nobody waits for this log any more. */
export function isIdle({ mailboxes, followers }: Topic): boolean {
  return mailboxes.size === 0 && followers.size === 0
}
