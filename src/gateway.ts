import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Pool } from 'pg'
import type { Logger } from 'pino'
import { createAccessRule, explainAccess } from './access.ts'
import { startKeyWatch } from './auth/key-watch.ts'
import type { Config } from './config.ts'
import { createPool, createPoolCloser, createPrisma, type PoolOptions } from './database/client.ts'
import { migrate } from './database/migrate.ts'
import { openDatabase } from './database/open.ts'
import { startQueue } from './database/queue.ts'
import { type Demo, prepareDemo } from './demo.ts'
import { createHub } from './events/hub.ts'
import { startWakeUp } from './events/wake-up.ts'
import { createDownloadHandler } from './files/download.ts'
import { createLinkSigner } from './files/link.ts'
import { createLocalStorage } from './files/local.ts'
import { createConnectionCount } from './graphql/connection-count.ts'
import type { Services } from './graphql/context.ts'
import { createLoaders } from './graphql/loaders.ts'
import { startWebSockets } from './graphql/websocket.ts'
import { createGraphqlServer } from './graphql/yoga.ts'
import { answerStarting, startHttp } from './http.ts'
import { createOperations } from './operations/operations.ts'
import { countWaitingRuns, createChecks } from './operations/probes.ts'
import { builtInReportTypes, createCatalog } from './reports/catalog.ts'
import type { AnyReportType } from './reports/report-type.ts'
import { answerAsWorker, createGatewayRouter } from './router.ts'
import { startDeadlines } from './runs/deadlines.ts'
import { createQueuePlaceLoader } from './runs/queue-place.ts'
import { createRunLoader } from './runs/run-loader.ts'
import { startMaintenance } from './worker/maintenance.ts'
import { createMaintenanceTasks } from './worker/maintenance-tasks.ts'
import { startWorker } from './worker/worker.ts'

export type GatewayOptions = {
  config: Config
  log: Logger
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
const poolPatienceMilliseconds = 1_000
const closingMilliseconds = 5_000
// Of requests: their statements are short. Reports and migrations may take as long as they take.
const statementMilliseconds = 30_000
const probeMilliseconds = 1_000

/** Builds a gateway, a worker, or both in one; nothing is opened before `start`. */
export const createGateway = (options: GatewayOptions): Gateway => {
  const {
    config,
    log,
    onProgress = () => {},
    reportTypes = builtInReportTypes,
    now = () => new Date(),
  } = options
  const closers = new AsyncDisposableStack()
  const stopping = new AbortController()
  const signal = AbortSignal.any([stopping.signal, ...(options.signal ? [options.signal] : [])])
  const onError = (error: unknown): void => log.error({ err: error }, 'A background fault.')
  const onRequestError = (error: unknown, requestId?: string): void =>
    log.error({ err: error, requestId }, 'A request could not be answered.')
  const { readiness, prometheus, metrics, around } = createOperations(config.metrics, log)

  const openPool = (name: string, pool: Omit<PoolOptions, 'applicationName' | 'onError'>) => {
    const opened = createPool({ ...pool, applicationName: `report-gateway ${name}`, onError })
    const close = createPoolCloser(opened)
    closers.defer(() => close(poolPatienceMilliseconds))
    return opened
  }

  /** What every role needs. */
  const openBase = async () => {
    const http = await startHttp(config.host, config.port, onRequestError)
    closers.defer(() => http.stop())
    http.serve(around(answerStarting))

    const database = await openDatabase(config, onProgress, signal)
    closers.defer(database.close)
    signal.throwIfAborted()
    const { url } = database
    await migrate(url)
    const filesFolder = join(config.dataDir, 'files')
    await mkdir(filesFolder, { recursive: true, mode: 0o700 })
    const pool = openPool('requests', { url, max: 10, connectMilliseconds: 5_000, statementMilliseconds })
    const prisma = createPrisma(pool)
    closers.defer(() => prisma.$disconnect())
    signal.throwIfAborted()
    const queue = await startQueue({ url, works: config.role !== 'gateway', onError })
    closers.defer(queue.stop)
    const wakeUp = await startWakeUp(url, pool, log, { metrics })
    closers.defer(wakeUp.stop)
    const runLoader = createRunLoader(prisma)
    const hub = createHub({ prisma, wakeUp, loadRun: runLoader.load, log, metrics })
    closers.defer(hub.stop)
    const storage = createLocalStorage(filesFolder)
    const catalog = createCatalog(reportTypes)
    const limits = { accountConcurrency: config.accountConcurrency, dailyRuns: config.dailyRuns }
    const shared = { prisma, queue, wakeUp, hub, catalog, limits, log, now, storage, metrics }
    closers.defer(startDeadlines(shared).stop)
    return { http, url, pool, runLoader, shared }
  }

  type Base = Awaited<ReturnType<typeof openBase>>

  const openDemo = async ({ url, shared: { prisma } }: Base): Promise<Demo | null> => {
    if (!config.demo || config.role === 'worker') return null
    // Loading a ledger takes longer than any request may.
    const pool = createPool({ url, max: 3, applicationName: 'report-gateway demo', onError })
    try {
      return await prepareDemo({ prisma, pool, dataDir: config.dataDir, now, onProgress, signal })
    } finally {
      await pool.end()
    }
  }

  const openWorker = async ({ url, shared }: Base) => {
    const exportPool = openPool('reports', { url, max: config.concurrency + 2 })
    const worker = await startWorker({ ...shared, exportPool }, shared.queue, {
      concurrency: config.concurrency,
      accountConcurrency: config.accountConcurrency,
      runAttempts: config.runAttempts,
      stopSeconds: config.stopSeconds,
    })
    const tasks = createMaintenanceTasks(shared, config.eventDays)
    const maintenance = await startMaintenance({ queue: shared.queue, tasks, log })
    const stop = async (): Promise<void> => {
      await Promise.all([worker.stop(), maintenance.stop()])
    }
    return { exportPool, stop }
  }

  const openFace = async ({ http, runLoader, shared }: Base, demo: Demo | null) => {
    const linkSigner = await createLinkSigner(shared.prisma, config.publicUrl ?? http.url)
    const loaders = createLoaders(shared.prisma)
    const queuePlaces = createQueuePlaceLoader({ prisma: shared.prisma, now, ...shared.limits })
    const keyWatch = startKeyWatch({ prisma: shared.prisma, log, now })
    closers.defer(keyWatch.stop)
    const services: Services = {
      ...shared,
      linkSigner,
      runLoader,
      loaders,
      queuePlaces,
      keyWatch,
      connections: createConnectionCount(config.sockets.perKey),
      socketLimits: config.sockets,
    }
    const isAllowed = createAccessRule(config)
    const prefill = demo && config.databaseUrl === null ? { key: demo.keys.test, month: demo.month } : null
    const yoga = createGraphqlServer({ services, log, prefill, config })
    const webSockets = startWebSockets({ server: http.server, yoga, services, log, isAllowed })
    const router = createGatewayRouter({
      isAllowed,
      refusal: explainAccess(config),
      yoga,
      slowReaderSeconds: config.sockets.slowReaderSeconds,
      download: createDownloadHandler(services),
    })
    return { router, stop: webSockets.stop }
  }

  const watch = ({ url, pool, shared }: Base, exportPool: Pool | null): void => {
    const limits = { connectMilliseconds: probeMilliseconds, statementMilliseconds: probeMilliseconds }
    const probePool = openPool('probes', { url, max: 2, ...limits })
    readiness.serve(createChecks(probePool, shared.wakeUp))
    const pools = { requests: pool, probes: probePool, ...(exportPool && { reports: exportPool }) }
    prometheus?.observe({ pools, countWaitingRuns: () => countWaitingRuns(probePool) })
  }

  const open = async (): Promise<Started> => {
    const base = await openBase()
    signal.throwIfAborted()
    const demo = await openDemo(base)
    const { http } = base
    // All at once, and sooner than what they need, which was opened above.
    const ends = [() => http.stop(config.stopSeconds * 1000)]
    closers.defer(async () => {
      await Promise.all(ends.map((end) => end()))
    })
    const worker = config.role === 'gateway' ? null : await openWorker(base)
    if (worker) ends.push(worker.stop)
    const face = config.role === 'worker' ? null : await openFace(base, demo)
    if (face) ends.push(face.stop)
    watch(base, worker?.exportPool ?? null)
    http.serve(around(face?.router ?? answerAsWorker))
    return { url: http.url, demo }
  }

  const openOrClose = async (): Promise<Started> => {
    try {
      return await open()
    } catch (error) {
      await closers.disposeAsync()
      throw error
    }
  }

  const close = async (): Promise<void> => {
    stopping.abort()
    readiness.stop()
    // What is being opened has to be there before it can be closed.
    const isServing = await starting?.then(
      () => true,
      () => false,
    )
    // Meanwhile whoever balances the load sees that this process is not ready any more.
    if (isServing) await delay(config.drainSeconds * 1000)
    const limit = config.stopSeconds * 1000 + closingMilliseconds
    const isClosed = await Promise.race([
      closers.disposeAsync().then(() => true),
      delay(limit, false, { ref: false }),
    ])
    if (!isClosed) log.error(`Not everything could be closed within ${limit} ms; the rest is cut off.`)
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
