import type { Pool } from 'pg'
import type { Logger } from 'pino'
import { idPrefixes } from '../ids.ts'
import type { Metrics } from '../metrics.ts'
import { outsideRequest } from '../request-context.ts'
import { type Tenant, tenantKey } from '../tenant.ts'
import { startListener } from './listener.ts'
import { jobChannel, reportRunQueue } from './queue.ts'

const channel = 'report_gateway_events'
const batchMilliseconds = 2

export type WakeUp = Awaited<ReturnType<typeof startWakeUp>>

/** `tenant` is null when hints may have been missed, so that every log must be read. */
type Listener = (tenant: Tenant | null) => void

/** `apiKeyId` is null when notifications may have been missed, so that any key may have changed. */
type KeyListener = (apiKeyId: string | null) => void

export type WakeUpOptions = {
  metrics: Pick<Metrics, 'wakeUpReconnected'>
  /** How often a heartbeat checks the connection, in milliseconds. @default 3_000 */
  heartbeatMilliseconds?: number
  /** Maximum time to connect, and to answer a heartbeat, in milliseconds. @default 3_000 */
  limitMilliseconds?: number
}

/**
 * Notifies the processes on one Postgres that an event log has grown. A notification is only a hint: a process that
 * receives one, or reconnects, reads the log itself. NOTIFY is sent in batches, and outside the writing transaction,
 * because inside it costs two thirds of the commit rate: it holds a database-wide lock until the commit is on disk.
 *
 * Changes of API keys arrive on the same channel. A trigger sends them inside the transaction, because they are rare and
 * must not be lost.
 */
export async function startWakeUp(
  url: string,
  pool: Pool,
  logger: Logger,
  { metrics, heartbeatMilliseconds = 3_000, limitMilliseconds = 3_000 }: WakeUpOptions,
) {
  const listeners = new Set<Listener>()
  const keyListeners = new Set<KeyListener>()
  const announceKey: KeyListener = (apiKeyId) => {
    for (const listener of keyListeners) listener(apiKeyId)
  }
  const wake: Listener = (tenant) => {
    for (const listener of listeners) listener(tenant)
  }
  const listener = await startListener({
    url,
    channel,
    name: 'wake-up',
    onNotification: (payload) =>
      payload.startsWith(`${idPrefixes.apiKey}_`) ? announceKey(payload) : wake(readTenant(payload)),
    onReconnect: () => {
      metrics.wakeUpReconnected()
      announceKey(null)
      wake(null)
    },
    onFault: (error, message) => logger.warn({ err: error }, message),
    heartbeatMilliseconds,
    limitMilliseconds,
  })

  // Payloads by channel.
  let waiting = new Map<string, Set<string>>()
  let isScheduled = false
  let sentAt = Number.NEGATIVE_INFINITY
  const flush = async (): Promise<void> => {
    isScheduled = false
    if (waiting.size === 0) return
    sentAt = performance.now()
    const all = [...waiting].flatMap(([to, payloads]) => [...payloads].map((payload) => [to, payload]))
    waiting = new Map()
    try {
      await pool.query(
        'select pg_notify(channel, payload) from unnest($1::text[], $2::text[]) as sent (channel, payload)',
        [all.map(([to]) => to), all.map(([, payload]) => payload)],
      )
    } catch (error) {
      logger.warn({ err: error }, 'A wake-up could not be sent; readers poll the log within seconds.')
    }
  }
  const add = (to: string, payload: string): void => {
    waiting.set(to, (waiting.get(to) ?? new Set()).add(payload))
    if (isScheduled) return
    isScheduled = true
    // The first notification is sent at once, those that follow it closely in a batch: that takes 2 ms from each change of a
    // quiet process.
    const isFirst = performance.now() - sentAt > batchMilliseconds
    outsideRequest(() => (isFirst ? setImmediate(flush) : setTimeout(flush, batchMilliseconds)))
  }

  return {
    /** Notifies every process that the tenant's log has grown. Call it after the commit; it never throws. */
    notify: (tenant: Tenant): void => add(channel, tenantKey(tenant)),
    /** Notifies the idle workers of every process that a report run is queued. Call it after the commit; it never throws. */
    announceJob: (): void => add(jobChannel, reportRunQueue),
    onWake: (listener: Listener): void => {
      listeners.add(listener)
    },
    /** Calls the listener when an API key was revoked, deleted or given another expiry. */
    onKeyChange: (listener: KeyListener): void => {
      keyListeners.add(listener)
    },
    /** Whether hints from other processes arrive: the last heartbeat, at most a few seconds ago, was answered. */
    isConnected: listener.isConnected,
    stop: async (): Promise<void> => {
      await flush()
      await listener.stop()
    },
  }
}

function readTenant(payload: string): Tenant | null {
  const [accountId, mode] = payload.split(':')
  return accountId ? { accountId, livemode: mode === 'live' } : null
}
