import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { isOutage } from './outage.ts'

const retryMilliseconds = 500

export type RetryOptions = {
  signal: AbortSignal
  logger: Logger
  failureMessage: string
  /** Whether an error allows another attempt. @default isOutage */
  isPassing?: (error: unknown) => boolean
  /** True to make one more attempt after the signal has aborted, and to fail as that one does. @default false */
  triesOnceMore?: boolean
}

/**
 * Makes attempts until Postgres can be reached.
 *
 * @param attempt may be called several times, also when an earlier call succeeded and only its answer was lost
 * @throws any error that is not passing; the signal's reason when it aborts, unless `triesOnceMore`
 */
export async function retryDuringOutage<Result>(
  attempt: () => Promise<Result>,
  { signal, logger, failureMessage, isPassing = isOutage, triesOnceMore = false }: RetryOptions,
): Promise<Result> {
  let isLogged = false
  while (true) {
    const isLast = signal.aborted
    if (!triesOnceMore) signal.throwIfAborted()
    try {
      return await attempt()
    } catch (error) {
      if (!triesOnceMore) signal.throwIfAborted()
      if (isLast || !isPassing(error)) throw error
      if (!isLogged) logger.warn({ err: error }, `${failureMessage} Trying again.`)
      isLogged = true
      await delay(retryMilliseconds, undefined, { signal }).catch(() => {})
    }
  }
}
