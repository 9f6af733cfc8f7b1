import type { Logger } from 'pino'
import type { Metrics } from '../../metrics.ts'
import type { Prisma } from '../../postgres/client.ts'
import type { ReportRun, ReportRunEvent } from '../../postgres/generated/prisma/client.ts'
import type { WakeUp } from '../../postgres/notify.ts'
import { runEvery } from '../../run-every.ts'
import { type Tenant, tenantKey } from '../../tenant.ts'
import { createCatchUp } from './catch-up.ts'
import { lastPosition, readEvents } from './event-log.ts'
import {
  addSubscriber,
  createLatestValue,
  createTopic,
  deliver,
  type LogEntry,
  recentAfter,
  rememberRun,
  type Topic,
} from './topic.ts'

const pageSize = 500
// Interval at which logs are read without a wake-up, in case one was lost.
const pollMilliseconds = 3_000

/** Follows the end of one account's log. It holds a position and no queue, however slow its reader is. */
export type LogFollower = Awaited<ReturnType<Hub['follow']>>

export type Hub = ReturnType<typeof createHub>

type HubOptions = {
  prisma: Prisma
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
export function createHub({ prisma, wakeUp, loadRun, logger, metrics }: HubOptions) {
  const topics = new Map<string, Topic>()
  /** Topics that are being read; true requests another read afterwards. */
  const reading = new Map<Topic, boolean>()

  const readNew = async (topic: Topic): Promise<void> => {
    await topic.opened
    let events: ReportRunEvent[]
    do {
      events = await readEvents(prisma, topic.tenant, topic.position, pageSize)
      const entries = events.map((event) => createEntry(topic, event, loadRun))
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
  const join = async (tenant: Tenant, runId: string | null, signal: AbortSignal) => {
    const key = tenantKey(tenant)
    const topic = topics.get(key) ?? createTopic(tenant, lastPosition(prisma, tenant))
    topics.set(key, topic)
    const latest = createLatestValue<LogEntry>(signal)
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
    catchUp: createCatchUp(),
    /**
     * Subscribes to the future events of one run, until the signal aborts. A run that is loaded after the promise resolves
     * misses no event.
     */
    subscribe: async (tenant: Tenant, runId: string, signal: AbortSignal) =>
      (await join(tenant, runId, signal)).latest,
    follow: async (tenant: Tenant, signal: AbortSignal) => {
      const { topic, latest } = await join(tenant, null, signal)
      return {
        /** Position of the newest event when following started. */
        start: topic.position,
        /**
         * Waits for entries after a position. Resolves to the entries; to `lagged` when they are no longer in memory and must
         * be read from the log; to null when the signal has aborted.
         */
        after: async (position: bigint): Promise<readonly LogEntry[] | 'lagged' | null> => {
          while (!signal.aborted && position >= topic.position) await latest.take()
          return signal.aborted ? null : (recentAfter(topic, position) ?? 'lagged')
        },
      }
    },
    stop: poll.stop,
  }
}

function createEntry(topic: Topic, event: ReportRunEvent, loadRun: HubOptions['loadRun']): LogEntry {
  let loading: Promise<ReportRun | null> | null = null
  const load = async (): Promise<ReportRun | null> => {
    // A reader of a later event can have loaded the run.
    const known = topic.runs.get(event.runId)
    if (known && known.version >= event.runVersion) return known
    const run = await loadRun(event.runId)
    if (run) rememberRun(topic, run)
    return run
  }
  return {
    event,
    run: () => {
      loading ??= load().catch((error: unknown) => {
        loading = null
        throw error
      })
      return loading
    },
  }
}
