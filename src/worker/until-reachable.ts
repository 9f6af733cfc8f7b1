import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { isOutage } from '../postgres/outage.ts'
import type { RunClaim } from './dependencies.ts'

const retryMilliseconds = 500

/**
 * Does something that needs the database, again and again while that cannot be reached. A worker that has to stop, or
 * whose job went to another, tries once more and then gives up.
 *
 * @param act may be called several times, also when an earlier call was done and only its answer was lost
 */
export async function untilReachable<Result>(
  act: () => Promise<Result>,
  { stopping, lost }: Pick<RunClaim, 'stopping' | 'lost'>,
  log: Logger,
): Promise<Result> {
  const signal = AbortSignal.any([stopping, lost])
  let isFirst = true
  while (true) {
    const isLastTry = signal.aborted
    try {
      return await act()
    } catch (error) {
      if (isLastTry || !isOutage(error)) throw error
      if (isFirst) log.warn({ err: error }, 'The database cannot be reached; a worker waits for it.')
      isFirst = false
      await delay(retryMilliseconds, undefined, { signal }).catch(() => {})
    }
  }
}
