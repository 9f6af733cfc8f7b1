import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { isOutage } from '../../postgres/outage.ts'

const retryMilliseconds = 500

export type InsistOptions = {
  /** Ends the attempts. */
  signal: AbortSignal
  log: Logger
  /** A sentence for the log on what does not work. */
  what: string
}

/**
 * Tries until Postgres can be reached: for those who listen, and whom an outage has to delay and not to end.
 *
 * @throws what is no outage, and the signal's reason when it aborts
 */
export async function insist<Result>(
  attempt: () => Promise<Result>,
  { signal, log, what }: InsistOptions,
): Promise<Result> {
  while (true) {
    signal.throwIfAborted()
    try {
      return await attempt()
    } catch (error) {
      signal.throwIfAborted()
      if (!isOutage(error)) throw error
      log.warn({ err: error }, `${what} Trying again soon.`)
      await delay(retryMilliseconds, undefined, { signal })
    }
  }
}
