import type { ConstructorOptions } from 'pg-boss'
import { createPool, createPoolCloser } from './client.ts'
import { startListener } from './listener.ts'

export type QueueConnectionsOptions = {
  url: string
  /** Maximum number of connections, without the one that listens. */
  max: number
  onError: (error: Error) => void
}

// Without a limit, a silently dead connection would block a worker forever.
const statementMilliseconds = 9_000
const closeMilliseconds = 1_000

/**
 * The connections of pg-boss. It does not open its own, because those would have the default settings of the login, and
 * their number would not be bounded together with the others.
 */
export function openQueueConnections({ url, max, onError }: QueueConnectionsOptions) {
  const pool = createPool({
    url,
    max,
    applicationName: 'report-gateway queue',
    statementMilliseconds,
    onError,
  })
  const close = createPoolCloser(pool)
  const database: NonNullable<ConstructorOptions['db']> = {
    executeSql: (text, values) => pool.query(text, values),
    listen: async (channel, onNotification, onReconnect) => {
      const { stop } = await startListener({
        url,
        channel,
        name: 'queue wake-up',
        onNotification,
        onReconnect,
        onFault: (cause, message) => onError(new Error(message, { cause })),
        heartbeatMilliseconds: 3_000,
        limitMilliseconds: 3_000,
      })
      onReconnect()
      return { close: stop }
    },
  }
  return { database, close: (): Promise<void> => close(closeMilliseconds) }
}
