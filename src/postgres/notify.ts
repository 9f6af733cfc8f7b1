import { setTimeout as delay } from 'node:timers/promises'
import type { Pool } from 'pg'
import type { Logger } from 'pino'
import type { Metrics } from '../metrics.ts'
import { outsideRequest } from '../request-context.ts'
import { runEvery } from '../run-every.ts'
import { type Tenant, tenantKey } from '../tenant.ts'
import { createConnection } from './client.ts'

const channel = 'report_gateway_events'
const batchMilliseconds = 2
const firstReconnectMilliseconds = 50
const maxReconnectMilliseconds = 2_000

export type WakeUp = Awaited<ReturnType<typeof startWakeUp>>

/** `tenant` is null when hints may have been missed, so that every log must be read. */
type Listener = (tenant: Tenant | null) => void

export type WakeUpOptions = {
  metrics: Pick<Metrics, 'wakeUpReconnected'>
  /** How often a heartbeat checks the connection, in milliseconds. @default 3_000 */
  heartbeatMilliseconds?: number
  /** Maximum time to connect, and to answer a heartbeat, in milliseconds. @default 3_000 */
  limitMilliseconds?: number
}

type ConnectOptions = Required<Omit<WakeUpOptions, 'metrics'>> & {
  url: string
  logger: Logger
  wake: Listener
}

/**
 * Notifies the processes on one Postgres that an event log has grown. A notification is only a hint: a process that
 * receives one, or reconnects, reads the log itself. NOTIFY is sent in batches, and outside the writing transaction,
 * because inside it costs two thirds of the commit rate: it holds a database-wide lock until the commit is on disk.
 */
export async function startWakeUp(
  url: string,
  pool: Pool,
  logger: Logger,
  { metrics, heartbeatMilliseconds = 3_000, limitMilliseconds = 3_000 }: WakeUpOptions,
) {
  const listeners = new Set<Listener>()
  const wake: Listener = (tenant) => {
    for (const listener of listeners) listener(tenant)
  }
  const stopping = new AbortController()
  const settings = { url, logger, wake, heartbeatMilliseconds, limitMilliseconds }

  let connection: Awaited<ReturnType<typeof connect>> | null = await connect(settings)
  /** Reconnects whenever the connection ends, however long that takes. */
  const keepConnected = async (): Promise<void> => {
    let wait = firstReconnectMilliseconds
    while (true) {
      await connection?.ended
      connection = null
      if (stopping.signal.aborted) return
      try {
        connection = await connect(settings)
        // `stop` can have been called during the attempt.
        if (stopping.signal.aborted) return await connection.end()
        metrics.wakeUpReconnected()
        wake(null)
        wait = firstReconnectMilliseconds
      } catch (error) {
        logger.warn({ err: error }, `The wake-up connection could not be opened; trying again in ${wait} ms.`)
        await delay(wait, undefined, { signal: stopping.signal, ref: false }).catch(() => {})
        wait = Math.min(wait * 2, maxReconnectMilliseconds)
      }
    }
  }
  const kept = keepConnected()

  const waiting = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  const flush = async (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    if (waiting.size === 0) return
    const payloads = [...waiting]
    waiting.clear()
    try {
      await pool.query('select pg_notify($1, payload) from unnest($2::text[]) as payload', [
        channel,
        payloads,
      ])
    } catch (error) {
      logger.warn({ err: error }, 'A wake-up could not be sent; readers poll the log within seconds.')
    }
  }

  return {
    /** Notifies every process that the tenant's log has grown. Call it after the commit; it never throws. */
    notify: (tenant: Tenant): void => {
      waiting.add(tenantKey(tenant))
      timer ??= outsideRequest(() => setTimeout(flush, batchMilliseconds))
    },
    onWake: (listener: Listener): void => {
      listeners.add(listener)
    },
    /** Whether hints from other processes arrive: the last heartbeat, at most a few seconds ago, was answered. */
    isConnected: (): boolean => connection !== null,
    stop: async (): Promise<void> => {
      stopping.abort()
      await flush()
      await connection?.end()
      await kept
    },
  }
}

function readTenant(payload: string): Tenant | null {
  const [accountId, mode] = payload.split(':')
  return accountId ? { accountId, livemode: mode === 'live' } : null
}

/**
 * Opens a connection that listens. When packets are lost silently, by a crashed machine or a firewall, the connection would
 * seem healthy for hours, so a heartbeat checks it every few seconds.
 */
async function connect(options: ConnectOptions) {
  const { url, logger, wake, heartbeatMilliseconds, limitMilliseconds } = options
  const client = createConnection(url, 'report-gateway wake-up', limitMilliseconds)
  const { promise: ended, resolve: finish } = Promise.withResolvers<void>()
  client.on('end', finish)
  client.on('error', (error) => {
    logger.warn({ err: error }, 'The wake-up connection broke; reconnecting.')
    finish()
  })
  client.on('notification', ({ payload = '' }) => wake(readTenant(payload)))
  /** Closes the connection, and waits no longer than the limit, because the server may not answer. */
  const end = async (): Promise<void> => {
    finish()
    // With a query under way, `end` closes the connection at once.
    const closed = client.end().catch(() => {})
    await Promise.race([closed, delay(limitMilliseconds, undefined, { ref: false })])
  }
  try {
    await client.connect()
    await client.query(`listen ${channel}`)
  } catch (error) {
    await end()
    throw error
  }
  const heartbeat = runEvery({
    task: () =>
      client.query('select 1').catch((error: unknown) => {
        logger.warn({ err: error }, 'The wake-up connection does not answer; reconnecting.')
        return end()
      }),
    milliseconds: heartbeatMilliseconds,
    logger,
    failureMessage: 'The wake-up connection does not answer and could not be closed.',
  })
  void ended.then(heartbeat.stop)
  return {
    /** Resolves when the connection is no longer usable. */
    ended,
    end,
  }
}
