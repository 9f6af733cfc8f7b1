import type { Logger } from 'pino'
import { createKeyWatch, type KeyWatch } from '../auth/key-watch.ts'
import type { Config } from '../config/config.ts'
import { type Demo, prepareDemo } from '../demo/demo.ts'
import { createLoaders } from '../graphql/loaders.ts'
import { createGraphqlServer } from '../graphql/server.ts'
import { createConnectionCount } from '../graphql/transports/connection-limits.ts'
import { startWebSockets } from '../graphql/transports/websocket.ts'
import { createPool, createPrisma } from '../postgres/client.ts'
import { migrate } from '../postgres/migrate.ts'
import { startWakeUp } from '../postgres/notify.ts'
import { openDatabase } from '../postgres/open-database.ts'
import { startQueue } from '../postgres/queue.ts'
import { createCatalog } from '../reports/catalog.ts'
import { loadCustomReports } from '../reports/custom/load.ts'
import { createRowEstimator } from '../reports/estimate-rows.ts'
import type { AnyReportType, ReportPools } from '../reports/report-type.ts'
import { createQueueStatusLoader } from '../runs/estimate/queue-status.ts'
import { createHub } from '../runs/follow/hub.ts'
import { createRunLoader } from '../runs/list/find-run.ts'
import type { Services } from '../runs/services.ts'
import { type FileStore, openFileStore } from '../storage/file-store.ts'
import { startWorker } from '../worker/worker.ts'
import { createAccessRule } from './access.ts'
import { startBackgroundJobs } from './background-jobs.ts'
import { type ConnectionShares, shareConnections } from './connection-shares.ts'
import { answerStarting, type HttpServer, startHttp } from './http.ts'
import { openPools, type Pools } from './open-pools.ts'
import type { Operations } from './operations.ts'
import { createChecks } from './readiness.ts'
import { answerAsWorker, createGatewayRouter } from './router.ts'

/** With few connections, the ledger of one mode waits for that of the other. */
const demoMilliseconds = 120_000

export type GatewayOptions = {
  config: Config
  logger: Logger
  /** Called with a sentence for each step of the start that takes time. */
  onProgress?: (message: string) => void
  /** Aborts the start; ignored after the start. */
  signal?: AbortSignal
  /** Report types to run; the built-in ones unless given. */
  reportTypes?: readonly AnyReportType[]
  /** The current time; the system clock unless given. */
  now?: () => Date
}

export type StartOptions = Required<GatewayOptions> & {
  operations: Operations
  /** Receives a closer for everything that is opened; the last one runs first. */
  closers: AsyncDisposableStack
}

export type Started = {
  /** Where it listens: `http://HOST:PORT`. */
  url: string
  /** Null unless the demo is on. */
  demo: Demo | null
}

/** Opens everything that a process of the configured role needs, in order, and resolves when it serves requests. */
export async function start(options: StartOptions): Promise<Started> {
  const { config, logger, onProgress, reportTypes, now, signal, operations, closers } = options
  const { metrics } = operations

  const http = await startHttp(config.host, config.port, (error, requestId) =>
    logger.error({ err: error, requestId }, 'A request could not be answered.'),
  )
  closers.defer(() => http.stop())
  http.serve(operations.around(answerStarting))

  const database = await openDatabase(config, onProgress, signal)
  closers.defer(database.close)
  signal.throwIfAborted()
  const { url } = database
  await migrate(url, signal)
  const shares = shareConnections(config)
  const pools = await openPools({ config, shares, url, logger, closers })
  const customTypes = await openCustomReports(options, pools)
  signal.throwIfAborted()
  const prisma = createPrisma(pools.requests)
  closers.defer(() => prisma.$disconnect())
  const fileStore = await openFileStore(config)
  closers.defer(fileStore.close)
  signal.throwIfAborted()

  const queue = await startQueue({
    url,
    isWorker: pools.reports !== null,
    max: pools.reports ? shares.queue - 1 : shares.queue,
    onError: (error) => logger.error({ err: error }, 'The queue reported an error.'),
  })
  closers.defer(queue.stop)
  const wakeUp = await startWakeUp(url, pools.requests, logger, { metrics })
  closers.defer(wakeUp.stop)
  const runLoader = createRunLoader(prisma)
  const hub = createHub({ prisma, wakeUp, loadRun: runLoader.load, logger, metrics })
  closers.defer(hub.stop)
  const services: Services = {
    prisma,
    queue,
    wakeUp,
    hub,
    runLoader,
    catalog: createCatalog([...reportTypes, ...customTypes]),
    limits: { accountConcurrency: config.accountConcurrency, dailyRuns: config.dailyRuns },
    storage: fileStore.storage,
    metrics,
    logger,
    now,
  }
  signal.throwIfAborted()

  const keyWatch = createKeyWatch(services)
  // Stopped after the worker and the servers, because deadlines apply until the last run has ended.
  closers.defer((await startBackgroundJobs({ ...config, services, keyWatch })).stop)

  // The worker and the servers stop at the same time, before the resources above, which they need.
  const ends = [() => http.stop(config.stopSeconds * 1000)]
  closers.defer(async () => {
    await Promise.all(ends.map((end) => end()))
  })
  if (pools.reports) {
    const worker = await startWorker({ ...services, ...pools.reports }, queue, config)
    ends.push(worker.stop)
  }
  let demo: Demo | null = null
  let router = answerAsWorker
  if (pools.estimates) {
    if (config.demo) demo = await openDemo(options, url, shares, services)
    const gateway = await openGateway(config, http, services, {
      demo,
      fileStore,
      keyWatch,
      estimates: pools.estimates,
    })
    ends.push(gateway.stop)
    router = gateway.router
  }

  operations.readiness.serve(createChecks(pools.probes, queue, wakeUp))
  const { requests, probes } = pools
  operations.prometheus?.observe({
    requests,
    probes,
    ...(pools.reports && { reports: pools.reports.exportPool }),
  })
  http.serve(operations.around(router))
  return { url: http.url, demo }
}

/** @throws ConfigurationError when a custom report cannot be run */
async function openCustomReports(
  { config: { reports }, logger, onProgress, reportTypes }: StartOptions,
  { custom }: Pools,
): Promise<AnyReportType[]> {
  if (!reports || !custom) return []
  const taken = reportTypes.map(({ name }) => name)
  const { folder, limits } = reports
  const loaded = await loadCustomReports({
    folder,
    pool: custom,
    limits,
    taken,
    onWarning: (message) => logger.warn(message),
  })
  onProgress(`Custom reports in ${folder}: ${loaded.length}.`)
  return loaded.map(({ type }) => type)
}

/**
 * Uses separate connections without time limits, because loading a ledger takes longer than a request may take. They count as
 * those for probes and estimates, which are not open yet.
 */
async function openDemo(
  options: StartOptions,
  url: string,
  { probes, estimates }: ConnectionShares,
  { prisma }: Services,
): Promise<Demo> {
  const { config, logger, onProgress, now, signal } = options
  const onError = (error: unknown): void => logger.error({ err: error }, 'A connection of the demo broke.')
  const pool = createPool({
    url,
    max: probes + estimates,
    connectMilliseconds: demoMilliseconds,
    applicationName: 'report-gateway demo',
    onError,
  })
  try {
    return await prepareDemo({ prisma, pool, dataDir: config.dataDir, now, onProgress, signal })
  } finally {
    await pool.end()
  }
}

type GatewayParts = { demo: Demo | null; fileStore: FileStore; keyWatch: KeyWatch; estimates: ReportPools }

/** Serves clients: GraphQL over HTTP, SSE and WebSocket, and downloads. */
async function openGateway(
  config: Config,
  http: HttpServer,
  shared: Services,
  { demo, fileStore, keyWatch, estimates }: GatewayParts,
) {
  const { prisma, logger, now } = shared
  const publicUrl = config.publicUrl ?? http.url
  const { links, download } = await fileStore.openDelivery({ prisma, logger, now, publicUrl })
  const services = {
    ...shared,
    links,
    loaders: createLoaders(prisma, logger),
    estimateRows: createRowEstimator(estimates),
    queueStatuses: createQueueStatusLoader(shared),
    keyWatch,
    takeConnection: createConnectionCount(config.sockets.perKey),
    socketLimits: config.sockets,
  }
  const isAllowed = createAccessRule(config)
  // With the embedded Postgres the gateway serves only this machine, so the page can contain the key.
  const prefill = demo && config.databaseUrl === null ? { key: demo.keys.test, month: demo.month } : null
  const yoga = createGraphqlServer(services, config, prefill)
  const webSockets = startWebSockets(http.server, yoga, services, isAllowed)
  return { router: createGatewayRouter(config, isAllowed, yoga, download), stop: webSockets.stop }
}
