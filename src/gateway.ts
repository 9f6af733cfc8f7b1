import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { type AccessRule, everyone, localOnly } from './access.ts'
import type { Config } from './config.ts'
import { createPool, createPrisma } from './database/client.ts'
import { migrate } from './database/migrate.ts'
import { openDatabase } from './database/open.ts'
import { startQueue } from './database/queue.ts'
import { type Demo, prepareDemo } from './demo.ts'
import { createHub } from './events/hub.ts'
import { startWakeUp } from './events/wake-up.ts'
import { createDownloadHandler } from './files/download.ts'
import { createLinkSigner } from './files/link.ts'
import { createLocalStorage } from './files/local.ts'
import type { Services } from './graphql/context.ts'
import { startWebSockets } from './graphql/websocket.ts'
import { createGraphqlServer, graphqlEndpoint, type Yoga } from './graphql/yoga.ts'
import { answerText, type Handler, startHttp } from './http.ts'
import { builtInReportTypes, createCatalog } from './reports/catalog.ts'
import type { AnyReportType } from './reports/report-type.ts'
import { createRunLoader } from './runs/run-loader.ts'
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

const createRouter = (isAllowed: AccessRule, yoga: Yoga, download: Handler): Handler => {
  return async (request, response, url) => {
    if (!isAllowed(request.headers)) {
      return answerText(
        response,
        403,
        'This gateway serves only requests to this machine, from pages of this machine.',
      )
    }
    if (url.pathname.startsWith('/files/')) return download(request, response, url)
    if (url.pathname === graphqlEndpoint) {
      await yoga(request, response)
      return
    }
    if (url.pathname === '/') {
      response.writeHead(302, { Location: graphqlEndpoint }).end()
      return
    }
    answerText(response, 404, `There is nothing at ${url.pathname}. GraphQL is at ${graphqlEndpoint}.`)
  }
}

/** Builds a gateway with its worker; nothing is opened before `start`. */
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

  const openPool = (url: string, name: string, max: number) => {
    const pool = createPool({ url, max, applicationName: `report-gateway ${name}`, onError })
    closers.defer(() => pool.end())
    return pool
  }

  const open = async (): Promise<Started> => {
    const http = await startHttp(config.host, config.port, onError)
    closers.defer(http.stop)

    const database = await openDatabase(config, onProgress, signal)
    closers.defer(database.close)
    signal.throwIfAborted()
    await migrate(database.url)
    const filesFolder = join(config.dataDir, 'files')
    await mkdir(filesFolder, { recursive: true, mode: 0o700 })
    const pool = openPool(database.url, 'requests', 10)
    const exportPool = openPool(database.url, 'reports', config.concurrency + 2)
    const prisma = createPrisma(pool)
    closers.defer(() => prisma.$disconnect())
    signal.throwIfAborted()
    const queue = await startQueue({ url: database.url, works: true, onError })
    closers.defer(queue.stop)
    const wakeUp = await startWakeUp(database.url, pool, log)
    closers.defer(wakeUp.stop)
    const hub = createHub(prisma, wakeUp, log)
    closers.defer(hub.stop)

    signal.throwIfAborted()
    const demo = config.demo
      ? await prepareDemo({ prisma, pool, dataDir: config.dataDir, now, onProgress, signal })
      : null

    const storage = createLocalStorage(filesFolder)
    const publicUrl = config.publicUrl ?? http.url
    const linkSigner = await createLinkSigner(prisma, publicUrl)
    const catalog = createCatalog(reportTypes)
    const shared = { prisma, queue, wakeUp, hub, catalog, log, now, storage, linkSigner }
    const worker = await startWorker({ ...shared, exportPool }, queue, config.concurrency)
    closers.defer(worker.stop)

    const services: Services = { ...shared, runLoader: createRunLoader(prisma) }
    const isAllowed = config.databaseUrl === null ? localOnly : everyone
    const prefill = demo && config.databaseUrl === null ? { key: demo.keys.test, month: demo.month } : null
    const yoga = createGraphqlServer({ services, log, prefill })
    const webSockets = startWebSockets({ server: http.server, yoga, services, log, isAllowed })
    // Again, so that requests end before what they need: this is closed sooner than what was opened above.
    closers.defer(http.stop)
    closers.defer(webSockets.stop)
    http.serve(createRouter(isAllowed, yoga, createDownloadHandler(shared)))
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

  let starting: Promise<Started> | null = null
  return {
    start: () => {
      starting ??= openOrClose()
      return starting
    },
    stop: async () => {
      stopping.abort()
      // What is being opened has to be there before it can be closed.
      await starting?.catch(() => {})
      await closers.disposeAsync()
    },
  }
}
