import { setTimeout as delay } from 'node:timers/promises'
import type { Pool } from 'pg'
import type { Logger } from 'pino'
import { createConnection } from '../database/client.ts'
import type { LogOwner } from './log.ts'

const channel = 'report_gateway_events'
const batchMilliseconds = 2
const longestReconnectMilliseconds = 2_000

export type WakeUp = {
  /** Hints to every process that the owner's log has grown. To be called after commit; it never throws. */
  notify(owner: LogOwner): void
  /** `owner` is null when hints may have been missed and every log has to be read. */
  onWake(listener: (owner: LogOwner | null) => void): void
  stop(): Promise<void>
}

const encodeOwner = ({ accountId, livemode }: LogOwner): string =>
  `${livemode ? 'live' : 'test'}:${accountId}`

const decodeOwner = (payload: string): LogOwner | null => {
  const [mode, accountId] = payload.split(':')
  return accountId ? { accountId, livemode: mode === 'live' } : null
}

/**
 * Tells processes on one Postgres that there is something to read. It is a hint only: whoever gets it, or reconnects,
 * reads the log itself. NOTIFY is sent outside the writing transaction, because inside it costs two thirds of the
 * commit rate (it takes a database-wide lock until the commit is on disk), and in batches.
 */
export const startWakeUp = async (url: string, pool: Pool, log: Logger): Promise<WakeUp> => {
  const listeners = new Set<(owner: LogOwner | null) => void>()
  const wake = (owner: LogOwner | null): void => {
    for (const listener of listeners) listener(owner)
  }
  const stopping = new AbortController()

  const connect = async () => {
    const client = createConnection(url, 'report-gateway wake-up')
    const ended = new Promise<void>((resolve) => {
      client.on('end', resolve)
      client.on('error', (error) => {
        log.warn({ err: error }, 'The wake-up connection broke; it is made anew.')
        resolve()
      })
    })
    client.on('notification', ({ payload = '' }) => wake(decodeOwner(payload)))
    try {
      await client.connect()
      await client.query(`listen ${channel}`)
      return { client, ended }
    } catch (error) {
      await client.end()
      throw error
    }
  }

  let current = await connect()
  const keepConnected = async (): Promise<void> => {
    let wait = 50
    while (!stopping.signal.aborted) {
      await current.ended
      while (!stopping.signal.aborted) {
        try {
          current = await connect()
          wait = 50
          wake(null)
          break
        } catch (error) {
          log.warn({ err: error }, `The wake-up connection cannot be made; trying again in ${wait} ms.`)
          await delay(wait, undefined, { signal: stopping.signal, ref: false }).catch(() => {})
          wait = Math.min(wait * 2, longestReconnectMilliseconds)
        }
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
      log.warn({ err: error }, 'A wake-up could not be sent; readers look for themselves within seconds.')
    }
  }

  return {
    notify: (owner) => {
      waiting.add(encodeOwner(owner))
      timer ??= setTimeout(flush, batchMilliseconds)
    },
    onWake: (listener) => {
      listeners.add(listener)
    },
    stop: async () => {
      stopping.abort()
      await flush()
      await current.client.end()
      await kept
      // It may have been made anew just then.
      await current.client.end()
    },
  }
}
