import type { Logger } from 'pino'
import type { Metrics } from '../../metrics.ts'
import type { Prisma } from '../../postgres/client.ts'
import type { ReportRun, ReportRunEvent } from '../../postgres/generated/prisma/client.ts'
import type { WakeUp } from '../../postgres/notify.ts'
import type { ReadRows } from '../../postgres/rows.ts'
import { runEvery } from '../../run-every.ts'
import { type Tenant, tenantKey } from '../../tenant.ts'
import { createCatchUp } from './catch-up.ts'
import { cursorAfter, isOfHistory, readEvents, readLogEnd } from './event-log.ts'
import {
  addSubscriber,
  changeHistory,
  createLatestValue,
  createTopic,
  type Delivery,
  deliver,
  type LogEntry,
  recentAfter,
  rememberRun,
  type Topic,
} from './topic.ts'

const pageSize = 500
// Interval at which logs are read without a wake-up, in case one was lost.
const pollMilliseconds = 3_000

/** Follows the end of one account's log. It holds no queue, however slow its readers are. */
export type LogFollower = Awaited<ReturnType<Hub['follow']>>

export type Hub = ReturnType<typeof createHub>

type HubOptions = {
  prisma: Prisma
  rows: ReadRows
  wakeUp: WakeUp
  /** Loads the current state of a run; null when it does not exist. */
  loadRun: (id: string) => Promise<ReportRun | null>
  logger: Logger
  metrics: Pick<Metrics, 'eventsDelivered'>
}

/**
 * Fans out events to the subscriptions of this process. It reads each log once per wake-up, and loads each changed run once,
 * however many subscriptions there are.
 */
export function createHub({ prisma, rows, wakeUp, loadRun, logger, metrics }: HubOptions) {
  const topics = new Map<string, Topic>()
  const catchUp = createCatchUp()
  /** Topics that are being read; true requests another read afterwards. */
  const reading = new Map<Topic, boolean>()

  /** Topics whose log is another history now. */
  const changed = new WeakSet<Topic>()

  /** True when events, read from the topic's position on, continue what the topic has read. */
  const continues = async ({ tenant, end }: Topic, [first]: readonly ReportRunEvent[]): Promise<boolean> => {
    const { position, anchor } = end
    if (position === 0n || first?.position === position) return isOfHistory(end, anchor.epoch, first)
    // The last known event was pruned, or there is another history.
    const now = await readLogEnd(prisma, tenant)
    return now.anchor.epoch === anchor.epoch && (first?.position ?? now.position + 1n) === position + 1n
  }

  const readNew = async (topic: Topic): Promise<void> => {
    await topic.opened
    let length: number
    do {
      const { position } = topic.end
      // With the last known event, which is another one in another history of the log.
      const events = await readEvents(rows, topic.tenant, position - 1n, pageSize + 1)
      const isAnchored = events[0]?.position === position
      if (changed.has(topic) || !(await continues(topic, events))) {
        const end = await readLogEnd(prisma, topic.tenant)
        // A read that has begun in the former history cannot show a follower that there is another one.
        catchUp.forget()
        changeHistory(topic, end)
        changed.delete(topic)
        return
      }
      const news = isAnchored ? events.slice(1) : events
      metrics.eventsDelivered(
        deliver(
          topic,
          news.map((event) => createEntry(topic, event, loadRun)),
        ),
      )
      length = news.length
    } while (length >= pageSize)
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
        'Failed to read the event log; trying again soon.',
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

  /** Subscribes to the log, for one run or with null for all runs, until the signal aborts. */
  const join = async (
    tenant: Tenant,
    runId: string | null,
    signal: AbortSignal,
    readers: () => number = one,
  ) => {
    const key = tenantKey(tenant)
    const topic = topics.get(key) ?? createTopic(tenant, readLogEnd(prisma, tenant))
    topics.set(key, topic)
    const latest = createLatestValue<Delivery>(signal, readers)
    const removeSubscriber = addSubscriber(topic, runId, latest)
    const leave = (): void => {
      removeSubscriber()
      if (topic.subscribers.size === 0) forget(topic)
    }
    signal.addEventListener('abort', leave, { once: true })
    if (signal.aborted) leave()
    try {
      await topic.opened
    } catch (error) {
      // The next subscriber opens the topic again.
      forget(topic)
      throw error
    }
    return { topic, latest }
  }

  wakeUp.onWake(wake)
  const poll = runEvery({
    task: async () => wake(null),
    milliseconds: pollMilliseconds,
    logger,
    failureMessage: 'Failed to poll the event logs.',
  })

  return {
    /** Reads pages for followers that lag behind the log in memory. */
    catchUp,
    /**
     * Subscribes to the future events of one run, until the signal aborts. A run that is loaded after the promise resolves
     * misses no event. After `CHANGED_HISTORY`, load the run again: earlier events may not have happened.
     */
    subscribe: async (tenant: Tenant, runId: string, signal: AbortSignal, readers?: () => number) => {
      const { topic, latest } = await join(tenant, runId, signal, readers)
      const hasChanged = watchHistories(topic)
      return {
        /** Waits for the newest event; null when the signal has aborted. */
        take: async (): Promise<Delivery | null> => {
          const taken = await latest.take()
          // An event can have replaced the notice of the change.
          return taken !== null && hasChanged() ? 'CHANGED_HISTORY' : taken
        },
      }
    },
    /**
     * Follows the end of a log, until the signal aborts.
     *
     * @param readers the number of subscriptions that read through this follower; 1 unless given
     */
    follow: async (tenant: Tenant, signal: AbortSignal, readers?: () => number) => {
      const { topic, latest } = await join(tenant, null, signal, readers)
      return {
        /** What the followers of the log have received. */
        versions: topic.versions,
        /** The end of what has been read of the log. */
        end: () => topic.end,
        /** Differs after the log has continued as another history. */
        history: () => topic.histories,
        /** The newest state of a run that was loaded for an event in memory. */
        newestRun: (id: string) => topic.runs.get(id),
        /** Creates the reader of one subscription. */
        reader: () => {
          const hasChanged = watchHistories(topic)
          /**
           * The entries after a position, none at the end of the log; `lagged` when they must be read from the log, because
           * they are no longer in memory or the log is another history now.
           */
          return (position: bigint): readonly LogEntry[] | 'lagged' => {
            if (hasChanged()) return 'lagged'
            return position < topic.end.position ? (recentAfter(topic, position) ?? 'lagged') : []
          }
        },
        /** Resolves when a reader can have more, and when the signal has aborted. */
        wait: async (): Promise<void> => void (await latest.take()),
      }
    },
    /** Call this when the database continues another history: all followers then compare their cursors with the log. */
    restart: (): void => {
      for (const topic of topics.values()) changed.add(topic)
      wake(null)
    },
    stop: poll.stop,
  }
}

function one(): number {
  return 1
}

/** Creates a function that is true once after each change of the history. */
function watchHistories(topic: Topic): () => boolean {
  let { histories } = topic
  return () => {
    const isChanged = histories !== topic.histories
    histories = topic.histories
    return isChanged
  }
}

function createEntry(topic: Topic, event: ReportRunEvent, loadRun: HubOptions['loadRun']): LogEntry {
  let loading: Promise<ReportRun | null> | null = null
  const { histories } = topic
  const load = async (): Promise<ReportRun | null> => {
    const run = await loadRun(event.runId)
    if (run && histories === topic.histories) rememberRun(topic, run)
    return run
  }
  return {
    event,
    cursor: cursorAfter(event, topic.end.anchor.epoch),
    run: async () => {
      // A reader that comes later gets the newest state that is known.
      const known = topic.runs.get(event.runId)
      if (known && known.version >= event.runVersion) return known
      loading ??= load().catch((error: unknown) => {
        loading = null
        throw error
      })
      return loading
    },
  }
}
