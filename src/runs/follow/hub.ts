import type { Logger } from 'pino'
import type { Metrics } from '../../metrics.ts'
import type { Prisma } from '../../postgres/client.ts'
import type { ReportRun, ReportRunEvent } from '../../postgres/generated/prisma/client.ts'
import type { WakeUp } from '../../postgres/notify.ts'
import { type Tenant, tenantKey } from '../../tenant.ts'
import { lastPosition, readEvents } from './event-log.ts'
import { createMailbox } from './mailbox.ts'
import {
  createTopic,
  deliver,
  isIdle,
  type LogEntry,
  type RunMailbox,
  recentAfter,
  type Topic,
} from './topic.ts'

const pageSize = 500
// How often logs are read although no wake-up came, in case one was lost.
const pollMilliseconds = 3_000

/** The end of one account's log, as it grows. It costs its follower one place to remember, however slowly it reads. */
export type Feed = {
  /** Position of the newest event when the follower came. */
  start: bigint
  /**
   * The entries after a position, at once or when there are some; `behind` when they are older than what is at hand, and
   * have to be read from the log; null when the follower's signal has ended it.
   */
  after(position: bigint): Promise<readonly LogEntry[] | 'behind' | null>
}

export type Hub = {
  /**
   * Opens a mailbox for the events of one run that are committed from now on; the signal closes it. When the promise
   * resolves the log is being read, so a state loaded after that misses nothing.
   */
  subscribe(tenant: Tenant, runId: string, signal: AbortSignal): Promise<RunMailbox>
  /** Follows all of a log from now on, until the signal aborts. */
  follow(tenant: Tenant, signal: AbortSignal): Promise<Feed>
  stop(): void
}

export type HubOptions = {
  prisma: Prisma
  wakeUp: WakeUp
  /** Loads a run as it is now; null when it does not exist. */
  loadRun: (id: string) => Promise<ReportRun | null>
  logger: Logger
  metrics: Pick<Metrics, 'eventsDelivered'>
}

/**
 * The fan-out of events to the subscriptions of this process. It reads each log once per wake-up, and loads each changed
 * run once, however many subscriptions there are.
 */
export function createHub({ prisma, wakeUp, loadRun, logger, metrics }: HubOptions): Hub {
  const topics = new Map<string, Topic>()
  /** Topics that are being read; true asks for another read after it. */
  const reading = new Map<Topic, boolean>()

  const readNew = async (topic: Topic): Promise<void> => {
    await topic.opened
    let events: ReportRunEvent[]
    do {
      events = await readEvents(prisma, topic.tenant, topic.position, pageSize)
      const entries = events.map((event) => createEntry(event, loadRun))
      metrics.eventsDelivered(deliver(topic, entries))
    } while (events.length === pageSize)
  }

  const read = async (topic: Topic): Promise<void> => {
    const isReading = reading.has(topic)
    reading.set(topic, true)
    if (isReading) return
    try {
      while (reading.get(topic)) {
        reading.set(topic, false)
        await readNew(topic)
      }
    } catch (error) {
      logger.warn(
        { err: error, accountId: topic.tenant.accountId },
        'The event log could not be read; trying again soon.',
      )
    } finally {
      reading.delete(topic)
    }
  }

  const wake = (tenant: Tenant | null): void => {
    const woken = tenant ? [topics.get(tenantKey(tenant))] : topics.values()
    for (const topic of woken) if (topic) void read(topic)
  }

  const forget = (topic: Topic): void => {
    const key = tenantKey(topic.tenant)
    if (topics.get(key) === topic) topics.delete(key)
  }

  /** Joins a log; `leave` undoes what `enter` did when the signal aborts. */
  const join = async (
    tenant: Tenant,
    signal: AbortSignal,
    enter: (topic: Topic) => void,
    leave: (topic: Topic) => void,
  ): Promise<Topic> => {
    const key = tenantKey(tenant)
    const topic = topics.get(key) ?? createTopic(tenant, lastPosition(prisma, tenant))
    topics.set(key, topic)
    enter(topic)
    const end = (): void => {
      leave(topic)
      if (isIdle(topic)) forget(topic)
    }
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
    try {
      await topic.opened
    } catch (error) {
      // The next one to come tries anew.
      forget(topic)
      throw error
    }
    return topic
  }

  wakeUp.onWake(wake)
  const poll = setInterval(() => wake(null), pollMilliseconds)

  return {
    subscribe: async (tenant, runId, signal) => {
      const mailbox: RunMailbox = createMailbox(signal)
      await join(
        tenant,
        signal,
        ({ mailboxes }) => mailboxes.set(runId, (mailboxes.get(runId) ?? new Set()).add(mailbox)),
        ({ mailboxes }) => {
          mailboxes.get(runId)?.delete(mailbox)
          if (mailboxes.get(runId)?.size === 0) mailboxes.delete(runId)
        },
      )
      return mailbox
    },
    follow: async (tenant, signal) => {
      let wakeReader = (): void => {}
      const wakeFollower = (): void => wakeReader()
      signal.addEventListener('abort', wakeFollower, { once: true })
      const topic = await join(
        tenant,
        signal,
        ({ followers }) => followers.add(wakeFollower),
        ({ followers }) => followers.delete(wakeFollower),
      )
      return {
        start: topic.position,
        after: async (position) => {
          while (!signal.aborted && position >= topic.position) {
            await new Promise<void>((resolve) => {
              wakeReader = resolve
            })
          }
          return signal.aborted ? null : (recentAfter(topic, position) ?? 'behind')
        },
      }
    },
    stop: () => clearInterval(poll),
  }
}

function createEntry(event: ReportRunEvent, loadRun: HubOptions['loadRun']): LogEntry {
  let loading: Promise<ReportRun | null> | null = null
  return {
    event,
    run: () => {
      loading ??= loadRun(event.runId).catch((error: unknown) => {
        loading = null
        throw error
      })
      return loading
    },
  }
}
