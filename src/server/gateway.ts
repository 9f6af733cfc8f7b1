import { setTimeout as delay } from 'node:timers/promises'
import { builtInReportTypes } from '../reports/catalog.ts'
import { createOperations } from './operations.ts'
import { type GatewayOptions, type Started, start } from './start.ts'

// Closing waits for what ends by itself, but not for a server that does not answer.
const closingMilliseconds = 5_000

/** Builds a gateway, a worker, or both in one; nothing is opened before `start`. */
export function createGateway(options: GatewayOptions) {
  const { config, logger } = options
  const closers = new AsyncDisposableStack()
  const stopping = new AbortController()
  const signal = AbortSignal.any([stopping.signal, ...(options.signal ? [options.signal] : [])])
  const operations = createOperations(config.metrics, logger)

  const startOrClose = async (): Promise<Started> => {
    const defaults = { onProgress: () => {}, reportTypes: builtInReportTypes, now: () => new Date() }
    try {
      return await start({ ...defaults, ...options, signal, operations, closers })
    } catch (error) {
      await closers.disposeAsync()
      throw error
    }
  }

  const close = async (): Promise<void> => {
    stopping.abort()
    operations.readiness.stop()
    const limit = config.stopSeconds * 1000 + closingMilliseconds
    const inTime = (work: Promise<boolean> | undefined) =>
      Promise.race([work, delay(limit, false, { ref: false })])
    // What is being opened has to be there before it can be closed; but not everything heeds the signal.
    const isServing = await inTime(
      starting?.then(
        () => true,
        () => false,
      ),
    )
    // In this time the load balancer sees that the process is not ready any more.
    if (isServing) await delay(config.drainSeconds * 1000)
    const isClosed = await inTime(closers.disposeAsync().then(() => true))
    if (!isClosed) logger.error(`Not everything could be closed within ${limit} ms; the rest is cut off.`)
  }

  let starting: Promise<Started> | null = null
  let stopped: Promise<void> | null = null
  return {
    /**
     * Starts everything, and resolves when requests are served. What was opened before a failure is closed again.
     *
     * @throws ConfigurationError when the configuration cannot work here
     */
    start: () => {
      starting ??= startOrClose()
      return starting
    },
    /** Closes what `start` opened, last first. Safe to call at any time, also twice. */
    stop: () => {
      stopped ??= close()
      return stopped
    },
  }
}
