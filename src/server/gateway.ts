import { setTimeout as delay } from 'node:timers/promises'
import type { Pool } from 'pg'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { Demo } from '../demo/demo.ts'
import { countWaitingRuns } from '../postgres/queue.ts'
import { builtInReportTypes } from '../reports/catalog.ts'
import type { AnyReportType } from '../reports/report-type.ts'
import { type Base, openBase } from './base.ts'
import { openGatewayRole } from './gateway-role.ts'
import { type Opening, openPool } from './opening.ts'
import { createOperations } from './operations.ts'
import { createChecks } from './probes.ts'
import { answerAsWorker } from './router.ts'
import { openWorkerRole } from './worker-role.ts'

export type GatewayOptions = {
  config: Config
  logger: Logger
  /** Told what is going on during the start, a sentence each. */
  onProgress?: (message: string) => void
  /** Ends the start when it aborts; afterwards it means nothing. */
  signal?: AbortSignal
  /** Report types to run; those built in unless given. */
  reportTypes?: readonly AnyReportType[]
  /** The present, unless the clock is to be trusted. */
  now?: () => Date
}

export type Started = {
  /** Where it listens: `http://HOST:PORT`. */
  url: string
  /** Null unless the demo was asked for. */
  demo: Demo | null
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
const probeMilliseconds = 1_000

/** Builds a gateway, a worker, or both in one; nothing is opened before `start`. */
export function createGateway(options: GatewayOptions): Gateway {
  const {
    config,
    logger,
    onProgress = () => {},
    reportTypes = builtInReportTypes,
    now = () => new Date(),
  } = options
  const closers = new AsyncDisposableStack()
  const stopping = new AbortController()
  const signal = AbortSignal.any([stopping.signal, ...(options.signal ? [options.signal] : [])])
  const operations = createOperations(config.metrics, logger)
  const opening: Opening = { config, logger, onProgress, reportTypes, now, signal, operations, closers }

  const openOrClose = async (): Promise<Started> => {
    try {
      return await open(opening)
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
    // Meanwhile whoever balances the load sees that this process is not ready any more.
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
      starting ??= openOrClose()
      return starting
    },
    stop: () => {
      stopped ??= close()
      return stopped
    },
  }
}

/** Lets `/ready` and `/metrics` ask, on connections of their own: those of requests may be in use. */
function openProbes(opening: Opening, { url, pool, shared }: Base, exportPool: Pool | null): void {
  const { readiness, prometheus } = opening.operations
  const limits = { connectMilliseconds: probeMilliseconds, statementMilliseconds: probeMilliseconds }
  const probePool = openPool(opening, 'probes', { url, max: 2, ...limits })
  readiness.serve(createChecks(probePool, shared.queue, shared.wakeUp))
  const pools = { requests: pool, probes: probePool, ...(exportPool && { reports: exportPool }) }
  prometheus?.observe({ pools, countWaitingRuns: () => countWaitingRuns(probePool) })
}

/** Opens what the role needs, and begins to serve. */
async function open(opening: Opening): Promise<Started> {
  const { config, signal, operations, closers } = opening
  const base = await openBase(opening)
  signal.throwIfAborted()
  const { http } = base
  // All at once, and sooner than what they need, which was opened above.
  const ends = [() => http.stop(config.stopSeconds * 1000)]
  closers.defer(async () => {
    await Promise.all(ends.map((end) => end()))
  })
  const worker = config.role === 'gateway' ? null : await openWorkerRole(opening, base)
  if (worker) ends.push(worker.stop)
  const gateway = config.role === 'worker' ? null : await openGatewayRole(opening, base)
  if (gateway) ends.push(gateway.stop)
  openProbes(opening, base, worker?.exportPool ?? null)
  http.serve(operations.around(gateway?.router ?? answerAsWorker))
  return { url: http.url, demo: gateway?.demo ?? null }
}
