import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { builtInReportTypes } from '../reports/catalog.ts'
import type { AnyReportType } from '../reports/report-type.ts'
import { createOperations } from './operations.ts'
import { type Started, start } from './start.ts'

export type GatewayOptions = {
  config: Config
  logger: Logger
  /** Called with a sentence for each step of the start that takes time. */
  onProgress?: (message: string) => void
  /** Ends the start when it aborts; afterwards it means nothing. */
  signal?: AbortSignal
  /** Report types to run; those built in unless given. */
  reportTypes?: readonly AnyReportType[]
  /** The present, unless the clock is to be trusted. */
  now?: () => Date
}

export type Gateway = {
  /**
   * Starts everything, and resolves when requests are served. What was opened before a failure is closed again.
   *
   * @throws ConfigurationError when the configuration cannot work here
   */
  start(): Promise<Started>
  /** Closes what `start` opened, last first. Safe to call at any time, also twice. */
  stop(): Promise<void>
}

// Closing waits for what ends by itself, but not for a server that does not answer.
const closingMilliseconds = 5_000

/** Builds a gateway, a worker, or both in one; nothing is opened before `start`. */
export function createGateway(options: GatewayOptions): Gateway {
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
    // What is being opened has to be there before it can be closed; but not everything heeds the signal.
    const isServing = await Promise.race([
      starting?.then(
        () => true,
        () => false,
      ),
      delay(limit, false, { ref: false }),
    ])
    // In this time the load balancer sees that the process is not ready any more.
    if (isServing) await delay(config.drainSeconds * 1000)
    const isClosed = await Promise.race([
      closers.disposeAsync().then(() => true),
      delay(limit, false, { ref: false }),
    ])
    if (!isClosed) logger.error(`Not everything could be closed within ${limit} ms; the rest is cut off.`)
  }

  let starting: Promise<Started> | null = null
  let stopped: Promise<void> | null = null
  return {
    start: () => {
      starting ??= startOrClose()
      return starting
    },
    stop: () => {
      stopped ??= close()
      return stopped
    },
  }
}
