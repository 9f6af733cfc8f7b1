import { setTimeout as delay } from 'node:timers/promises'
import { createConnection } from './client.ts'

const firstReconnectMilliseconds = 50
const maxReconnectMilliseconds = 2_000

export type ListenerOptions = {
  url: string
  channel: string
  /** Shown in pg_stat_activity after `report-gateway`, and in messages. */
  name: string
  onNotification: (payload: string) => void
  /** Called when the connection listens after a break, in which notifications may have been missed. */
  onReconnect: () => void
  /** Called with a sentence for each new fault; the listener goes on. */
  onFault: (error: unknown, message: string) => void
  /** How often a heartbeat checks the connection, in milliseconds. */
  heartbeatMilliseconds: number
  /** Maximum time to connect, and to answer a heartbeat, in milliseconds. */
  limitMilliseconds: number
}

/**
 * Listens on a channel of Postgres with a connection of its own, which it opens again whenever it ends, however long that
 * takes.
 *
 * @throws when the first connection cannot be opened
 */
export async function startListener(options: ListenerOptions) {
  const { name, onReconnect, onFault } = options
  const stopping = new AbortController()
  let connection: Awaited<ReturnType<typeof connect>> | null = await connect(options)
  const keepConnected = async (): Promise<void> => {
    let wait = firstReconnectMilliseconds
    // An outage fails each attempt for the same reason.
    let reported = ''
    while (true) {
      await connection?.ended
      connection = null
      if (stopping.signal.aborted) return
      try {
        connection = await connect(options)
        // `stop` can have been called during the attempt.
        if (stopping.signal.aborted) return await connection.end()
        onReconnect()
        wait = firstReconnectMilliseconds
        reported = ''
      } catch (error) {
        if (String(error) !== reported)
          onFault(error, `The ${name} connection could not be opened; trying again.`)
        reported = String(error)
        await delay(wait, undefined, { signal: stopping.signal, ref: false }).catch(() => {})
        wait = Math.min(wait * 2, maxReconnectMilliseconds)
      }
    }
  }
  const kept = keepConnected()
  return {
    /** Whether notifications arrive: the last heartbeat was answered. */
    isConnected: (): boolean => connection !== null,
    stop: async (): Promise<void> => {
      stopping.abort()
      await connection?.end()
      await kept
    },
  }
}

/**
 * Opens a connection that listens. When packets are lost silently, by a crashed machine or a firewall, the connection would
 * seem healthy for hours, so a heartbeat checks it every few seconds.
 */
async function connect(options: ListenerOptions) {
  const { url, channel, name, onNotification, onFault, heartbeatMilliseconds, limitMilliseconds } = options
  const client = createConnection(url, `report-gateway ${name}`, limitMilliseconds)
  const over = new AbortController()
  const { promise: ended, resolve: finish } = Promise.withResolvers<void>()
  void ended.then(() => over.abort())
  client.on('end', finish)
  // A server that ends the connection causes two errors: its message, and the end.
  client.once('error', (error) => {
    onFault(error, `The ${name} connection broke; reconnecting.`)
    finish()
  })
  client.on('notification', ({ payload = '' }) => onNotification(payload))
  /** Closes the connection, and waits no longer than the limit, because the server may not answer. */
  const end = async (): Promise<void> => {
    finish()
    // With a query under way, `end` closes the connection at once.
    const closed = client.end().catch(() => {})
    await Promise.race([closed, delay(limitMilliseconds, undefined, { ref: false })])
  }
  try {
    await client.connect()
    await client.query(`listen "${channel}"`)
  } catch (error) {
    await end()
    throw error
  }
  const checkConnection = async (): Promise<void> => {
    while (true) {
      await delay(heartbeatMilliseconds, undefined, { signal: over.signal })
      await client.query('select 1')
    }
  }
  checkConnection().catch((error: unknown) => {
    if (over.signal.aborted) return
    onFault(error, `The ${name} connection does not answer; reconnecting.`)
    return end()
  })
  return {
    /** Resolves when the connection is no longer usable. */
    ended,
    end,
  }
}
