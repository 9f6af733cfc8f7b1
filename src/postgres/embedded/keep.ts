import { setTimeout as delay } from 'node:timers/promises'
import type { ServerSession } from './server.ts'

const LONGEST_WAIT_MS = 5_000

/** The session that holds the server; it is lost from its end until the server is there again. */
type Held = { session: ServerSession; isLost: boolean }

export type KeptServer = {
  current(): Held
  /** Stops watching, also in the middle of a start. */
  stop(): Promise<void>
}

export type KeepOptions = {
  session: ServerSession
  /** Gives a session with the server that runs by then at the same place, started again if need be. */
  reopen: (signal: AbortSignal) => Promise<ServerSession>
  log: (message: string) => void
}

/**
 * Watches over a server by the session that holds it: when that ends (the server was killed, by a lack of memory perhaps)
 * the server is there again within seconds, for all who share it.
 */
export function keepServer({ session, reopen, log }: KeepOptions): KeptServer {
  const stopping = new AbortController()
  const { signal } = stopping
  const hold = (held: ServerSession): Held => {
    const entry = { session: held, isLost: false }
    held.client.once('end', () => {
      entry.isLost = true
    })
    return entry
  }
  let current = hold(session)

  /** Not by `events.once`, which would fail on the error that comes before the end. */
  const endOf = ({ session: { client }, isLost }: Held): Promise<void> =>
    new Promise((resolve) => {
      if (isLost) resolve()
      client.once('end', resolve)
      signal.addEventListener('abort', () => resolve(), { once: true })
    })

  const reopenAtLast = async (): Promise<ServerSession> => {
    for (let wait = 100; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      try {
        return await reopen(signal)
      } catch (error) {
        signal.throwIfAborted()
        log(`The embedded Postgres is gone and cannot be started again; trying once more: ${error}`)
        await delay(wait, undefined, { signal })
      }
    }
  }
  const watch = async (): Promise<void> => {
    while (!signal.aborted) {
      await endOf(current)
      if (!signal.aborted) current = hold(await reopenAtLast())
    }
  }
  // It fails only when it is stopped.
  const watched = watch().catch(() => {})

  return {
    current: () => current,
    stop: async () => {
      stopping.abort()
      await watched
    },
  }
}
