import { setTimeout as delay } from 'node:timers/promises'
import { builtInReportTypes } from '../reports/catalog.ts'
import { createOperations } from './operations.ts'
import { type GatewayOptions, type Started, start } from './start.ts'

// Closing waits for work to end, but not for a server that does not answer.
const closingMilliseconds = 5_000

/** Creates a gateway, a worker, or both in one; nothing is opened before `start`. */
export function createGateway(options: GatewayOptions) {
  const { config, logger } = options
  const closers = new AsyncDisposableStack()
  const stopping = new AbortController()
  const signal = AbortSignal.any([stopping.signal, ...(options.signal ? [options.signal] : [])])
  const operations = createOperations(config.metrics, logger)

  const startOrClose = async (): Promise<Started> => {
    const defaults = { onProgress: () => {}, reportTypes: builtInReportTypes }
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
    // A start must end before its resources can be closed, but not every step of it reacts to the signal.
    const isServing = await inTime(
      starting?.then(
        () => true,
        () => false,
      ),
    )
    // Gives the load balancer time to see that the process is no longer ready.
    if (isServing) await delay(config.drainSeconds * 1000)
    const isClosed = await inTime(closers.disposeAsync().then(() => true))
    if (!isClosed)
      logger.error(`Closing took longer than ${limit} ms; the remaining connections are cut off.`)
  }

  let starting: Promise<Started> | null = null
  let stopped: Promise<void> | null = null
  return {
    /**
     * Starts everything, and resolves when requests are served. A failed start closes what it has opened.
     *
     * @throws ConfigurationError when the process cannot run with this configuration
     */
    start: () => {
      starting ??= startOrClose()
      return starting
    },
    /** Closes what `start` opened, in reverse order. Safe to call at any time, even twice. */
    stop: () => {
      stopped ??= close()
      return stopped
    },
  }
}
