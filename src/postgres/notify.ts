import { setTimeout as delay } from 'node:timers/promises'
import type { Pool } from 'pg'
import type { Logger } from 'pino'
import type { Metrics } from '../metrics.ts'
import { runEvery } from '../run-every.ts'
import { type Tenant, tenantKey } from '../tenant.ts'
import { createConnection } from './client.ts'

const channel = 'report_gateway_events'
const batchMilliseconds = 2
const firstReconnectMilliseconds = 50
const maxReconnectMilliseconds = 2_000

export type WakeUp = Awaited<ReturnType<typeof startWakeUp>>

/** `tenant` is null when hints may have been missed and every log has to be read. */
type Listener = (tenant: Tenant | null) => void

export type WakeUpOptions = {
  metrics: Pick<Metrics, 'wakeUpReconnected'>
  /** How often the connection is asked whether it is still there, in milliseconds. @default 3_000 */
  heartbeatMilliseconds?: number
  /** How long it may take to answer, or to be made, in milliseconds. @default 3_000 */
  limitMilliseconds?: number
}

type ConnectOptions = Required<Omit<WakeUpOptions, 'metrics'>> & {
  url: string
  logger: Logger
  wake: Listener
}

/**
 * Tells processes on one Postgres that there is something to read. It is a hint only: whoever gets it, or reconnects,
 * reads the log itself. NOTIFY is sent outside the writing transaction, because inside it costs two thirds of the
 * commit rate (it takes a database-wide lock until the commit is on disk), and in batches.
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
  /** Makes the connection again whenever it ends, however long that takes. */
  const keepConnected = async (): Promise<void> => {
    let wait = firstReconnectMilliseconds
    while (true) {
      await connection?.ended
      connection = null
      if (stopping.signal.aborted) return
      try {
        connection = await connect(settings)
        // It may have been asked to stop just then.
        if (stopping.signal.aborted) return await connection.end()
        metrics.wakeUpReconnected()
        wake(null)
        wait = firstReconnectMilliseconds
      } catch (error) {
        logger.warn({ err: error }, `The wake-up connection cannot be made; trying again in ${wait} ms.`)
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
      logger.warn({ err: error }, 'A wake-up could not be sent; readers look for themselves within seconds.')
    }
  }

  return {
    /** Hints to every process that the tenant's log has grown. To be called after commit; it never throws. */
    notify: (tenant: Tenant): void => {
      waiting.add(tenantKey(tenant))
      timer ??= setTimeout(flush, batchMilliseconds)
    },
    onWake: (listener: Listener): void => {
      listeners.add(listener)
    },
    /** Whether hints from others arrive: the connection was there when it was last asked, a few seconds ago at most. */
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
 * A connection that listens. Where packets are lost without a word (a machine that went away, a firewall that forgot) it
 * would seem to be fine for hours, so it is asked every few seconds.
 */
async function connect(options: ConnectOptions) {
  const { url, logger, wake, heartbeatMilliseconds, limitMilliseconds } = options
  const client = createConnection(url, 'report-gateway wake-up', limitMilliseconds)
  const { promise: ended, resolve: finish } = Promise.withResolvers<void>()
  client.on('end', finish)
  client.on('error', (error) => {
    logger.warn({ err: error }, 'The wake-up connection broke; it is made anew.')
    finish()
  })
  client.on('notification', ({ payload = '' }) => wake(readTenant(payload)))
  /** Ends it, and waits for that no longer than the limit: the server may not answer. */
  const end = async (): Promise<void> => {
    finish()
    // With a query under way that has no answer this cuts the connection.
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
        logger.warn({ err: error }, 'The wake-up connection does not answer; it is made anew.')
        return end()
      }),
    milliseconds: heartbeatMilliseconds,
    logger,
    failureMessage: 'The wake-up connection that does not answer could not be ended.',
  })
  void ended.then(heartbeat.stop)
  return {
    /** Resolves when it is of no more use. */
    ended,
    end,
  }
}
