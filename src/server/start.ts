import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { createKeyUse } from '../auth/key-use.ts'
import { createKeyWatch } from '../auth/key-watch.ts'
import { type Config, isWildcardHost } from '../config/config.ts'
import type { Demo, OnProgress } from '../demo/demo.ts'
import { createPool, createPrisma } from '../postgres/client.ts'
import { startClock } from '../postgres/clock.ts'
import { migrate } from '../postgres/migrate.ts'
import { startWakeUp } from '../postgres/notify.ts'
import { openDatabase } from '../postgres/open-database.ts'
import { startQueue } from '../postgres/queue.ts'
import { logQueueErrors } from '../postgres/queue-errors.ts'
import { createRowReader } from '../postgres/rows.ts'
import { createCatalog } from '../reports/catalog.ts'
import type { AnyReportType } from '../reports/report-type.ts'
import { watchHistory } from '../runs/follow/history.ts'
import { createHub } from '../runs/follow/hub.ts'
import { createRunLoader } from '../runs/list/find-run.ts'
import type { Services } from '../runs/services.ts'
import { openFileStore } from '../storage/file-store.ts'
import { openMarkedStorage } from '../storage/mark.ts'
import { createAccessRule } from './access.ts'
import { startBackgroundJobs } from './background-jobs.ts'
import { type ConnectionShares, shareConnections } from './connection-shares.ts'
import { withCrossOrigin } from './cross-origin.ts'
import { answerStarting, type Handler, startHttp } from './http.ts'
import { openPools, type Pools, poolsByName } from './open-pools.ts'
import type { Operations } from './operations.ts'
import { createChecks } from './readiness.ts'
import { answerAsWorker } from './router.ts'
import type { Telemetry } from './telemetry/telemetry.ts'

/** With few connections, the ledger of one mode waits for that of the other. */
const demoMilliseconds = 120_000

export type GatewayOptions = {
  config: Config
  logger: Logger
  /** Called with a sentence for each step of the start that takes time. */
  onProgress?: OnProgress
  /** Aborts the start; ignored after the start. */
  signal?: AbortSignal
  /** Report types to run; the built-in ones unless given. */
  reportTypes?: readonly AnyReportType[]
  /** The current time; that of the database unless given. */
  now?: () => Date
  /** Null, the default, to send no telemetry. */
  telemetry?: Telemetry | null
}

export type StartOptions = Required<Omit<GatewayOptions, 'now'>> & {
  now?: () => Date
  operations: Operations
  /** Receives a closer for everything that is opened; the last one runs first. */
  closers: AsyncDisposableStack
}

export type Started = {
  /** Where it listens: `http://HOST:PORT`. */
  url: string
  /** Null unless the demo is on. */
  demo: Demo | null
  /** Asks the connected clients to connect again, and closes connections after their responses from now on. */
  leave: () => void
}

/** How long a request waits for the end of the start. */
const startMilliseconds = 10_000

/**
 * Opens everything that a process of the configured role needs, in order, and resolves when it serves requests. What a
 * process of another role or configuration does not need is imported where it is chosen: a worker does not load GraphQL, which
 * halves the time and memory of its start.
 */
export async function start(options: StartOptions): Promise<Started> {
  const { config, logger, onProgress, reportTypes, signal, operations, closers } = options
  const { metrics, tracing } = operations

  const onRequestError = (error: unknown, requestId?: string): void =>
    logger.error({ err: error, requestId }, 'A request could not be answered.')
  const http = await startHttp(config.host, config.port, onRequestError, config.keepAliveSeconds)
  closers.defer(() => http.stop())
  const isAllowed = createAccessRule(config)
  if (config.databaseUrl === null && isWildcardHost(config.host)) {
    const warning = `HOST=${config.host} without DATABASE_URL: other machines can reach this gateway, which is for this machine alone. GraphiQL shows them no key.`
    logger.warn(warning)
  }
  const serve = (handler: Handler): void => http.serve(operations.around(withCrossOrigin(isAllowed, handler)))
  const { promise: started, resolve: finishStart } = Promise.withResolvers<Handler>()
  // When the start fails, the requests that wait for it are answered before the server stops.
  closers.defer(() => finishStart(answerStarting))
  serve(waitFor(started))

  const database = await openDatabase(config, onProgress, signal)
  closers.defer(database.close)
  signal.throwIfAborted()
  const { url } = database
  await migrate(url, signal)
  const shares = shareConnections(config)
  const pools = await openPools({ config, shares, url, logger, closers })
  const customTypes = await openCustomReports(options, pools)
  signal.throwIfAborted()
  const clock = await startClock(pools.probes, logger)
  closers.defer(clock.stop)
  const now = options.now ?? clock.now
  const prisma = createPrisma(pools.requests)
  closers.defer(() => prisma.$disconnect())
  const fileStore = await openFileStore(config)
  closers.defer(fileStore.close)
  signal.throwIfAborted()
  const marked = await openMarkedStorage({ prisma, store: fileStore }, config.role !== 'gateway')
  signal.throwIfAborted()

  const queue = await startQueue({
    url,
    isWorker: pools.reports !== null,
    max: pools.reports ? shares.queue - 1 : shares.queue,
    onError: logQueueErrors(logger),
  })
  closers.defer(queue.stop)
  const wakeUp = await startWakeUp(url, pools.requests, logger, { metrics })
  closers.defer(wakeUp.stop)
  clock.follow(wakeUp)
  const rows = createRowReader(pools.requests)
  const runLoader = createRunLoader(rows)
  const hub = createHub({ prisma, rows, wakeUp, loadRun: runLoader.load, logger, metrics })
  closers.defer(hub.stop)
  const history = await watchHistory({
    probes: pools.probes,
    pool: pools.requests,
    wakeUp,
    logger,
    onChange: hub.restart,
  })
  closers.defer(history.stop)
  const services: Services = {
    prisma,
    rows,
    pool: pools.requests,
    queue,
    wakeUp,
    hub,
    runLoader,
    catalog: createCatalog([...reportTypes, ...customTypes]),
    limits: { accountConcurrency: config.accountConcurrency, dailyRuns: config.dailyRuns },
    storage: marked.storage,
    metrics,
    tracing,
    logger,
    now,
  }
  signal.throwIfAborted()

  const keyWatch = createKeyWatch(services)
  const keyUse = createKeyUse(services)
  // Stopped after the worker and the servers, because deadlines apply until the last run has ended.
  closers.defer((await startBackgroundJobs({ ...config, services, keyWatch, keyUse })).stop)

  // The worker and the servers stop at the same time, before the resources above, which they need.
  const ends = [() => http.stop(config.stopSeconds * 1000)]
  const leaving = [http.leave]
  closers.defer(async () => {
    // Until then, a client that connects is served.
    await http.refuse()
    await Promise.all(ends.map((end) => end()))
  })
  if (pools.reports) {
    const { startWorker } = await import('../worker/worker.ts')
    const replicaSeconds = config.replica?.waitSeconds ?? null
    const worker = await startWorker({ ...services, ...pools.reports, replicaSeconds }, queue, config)
    ends.push(worker.stop)
  }
  let demo: Demo | null = null
  let router = answerAsWorker
  if (pools.estimates) {
    if (config.demo) demo = await openDemo(options, url, shares, services)
    const { openGateway } = await import('./open-gateway.ts')
    const gateway = await openGateway(config, http, services, {
      isAllowed,
      demo,
      fileStore,
      keyWatch,
      keyUse,
      estimates: pools.estimates,
    })
    ends.push(gateway.stop)
    leaving.push(gateway.leave)
    router = gateway.router
  }

  const { replicaProbes } = pools
  const checkReplica = replicaProbes && (() => replicaProbes.query('select'))
  operations.readiness.serve(createChecks(pools.probes, queue, wakeUp, marked), clock, checkReplica)
  operations.prometheus?.observe({ pools: poolsByName(pools), clock, readiness: operations.readiness })
  serve(router)
  finishStart(router)
  return { url: http.url, demo, leave: () => leaving.forEach((leave) => void leave()) }
}

/** Keeps requests until the start has finished, but not for long: a proxy may not send a mutation to another process. */
function waitFor(started: Promise<Handler>): Handler {
  return async (request, response, url) => {
    const handle = await Promise.race([
      started,
      delay(startMilliseconds, answerStarting, { ref: false }),
      once(response, 'close').then(() => null),
    ])
    await handle?.(request, response, url)
  }
}

/** @throws ConfigurationError when a custom report cannot be run */
async function openCustomReports(
  { config: { reports }, logger, onProgress, reportTypes }: StartOptions,
  { custom }: Pools,
): Promise<AnyReportType[]> {
  if (!reports || !custom) return []
  const taken = reportTypes.map(({ name }) => name)
  const { folder, limits } = reports
  const { loadCustomReports } = await import('../reports/custom/load.ts')
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
 * those for estimates, which are not open yet, and one of those for requests, which no client sends yet.
 */
async function openDemo(
  options: StartOptions,
  url: string,
  { estimates }: ConnectionShares,
  { prisma, now }: Services,
): Promise<Demo> {
  const { config, logger, onProgress, signal } = options
  const onError = (error: unknown): void => logger.error({ err: error }, 'A connection of the demo broke.')
  const pool = createPool({
    url,
    max: 1 + estimates,
    connectMilliseconds: demoMilliseconds,
    applicationName: 'report-gateway demo',
    onError,
  })
  try {
    const { prepareDemo } = await import('../demo/demo.ts')
    return await prepareDemo({ prisma, pool, dataDir: config.dataDir, now, onProgress, signal })
  } finally {
    await pool.end()
  }
}
