import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'

const retryMilliseconds = 500

export type InsistOptions = {
  /** Ends the attempts. */
  signal: AbortSignal
  log: Logger
  /** A sentence for the log on what does not work. */
  what: string
}

/**
 * Tries until it works: for those who listen, and whom an outage of Postgres has to delay and not to end.
 *
 * @throws the signal's reason when it aborts
 */
export const insist = async <Result>(
  attempt: () => Promise<Result>,
  { signal, log, what }: InsistOptions,
): Promise<Result> => {
  while (true) {
    signal.throwIfAborted()
    try {
      return await attempt()
    } catch (error) {
      signal.throwIfAborted()
      log.warn({ err: error }, `${what} Trying again soon.`)
      await delay(retryMilliseconds, undefined, { signal })
    }
  }
}
