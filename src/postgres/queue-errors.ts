import type { Logger } from 'pino'
import { describeOutage, isOutage } from './outage.ts'

const repeatMilliseconds = 60_000

/**
 * Logs the errors of the queue. During an outage each poll fails, several times a second, so the errors of an outage are
 * logged once a minute.
 */
export function logQueueErrors(logger: Pick<Logger, 'error' | 'warn'>): (error: Error) => void {
  let loggedAt = Number.NEGATIVE_INFINITY
  return (error) => {
    if (!isOutage(error)) return logger.error({ err: error }, 'The queue reported an error.')
    if (performance.now() - loggedAt < repeatMilliseconds) return
    loggedAt = performance.now()
    logger.warn({ err: error }, `The queue waits for the database. ${describeOutage(error)}`)
  }
}
