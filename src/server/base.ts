import type { Pool } from 'pg'
import { createPrisma } from '../postgres/client.ts'
import { migrate } from '../postgres/migrate.ts'
import { startWakeUp } from '../postgres/notify.ts'
import { openDatabase } from '../postgres/open-database.ts'
import { startQueue } from '../postgres/queue.ts'
import { createCatalog } from '../reports/catalog.ts'
import { createHub } from '../runs/follow/hub.ts'
import { startDeadlines } from '../runs/lifecycle/deadlines.ts'
import { createRunLoader } from '../runs/list/find-run.ts'
import type { Services } from '../runs/services.ts'
import type { FileStore } from '../storage/file-store.ts'
import { openFileStore } from '../storage/open-file-store.ts'
import { type OwnReports, openOwnReports } from './custom-reports.ts'
import { answerStarting, type HttpServer, startHttp } from './http.ts'
import { type Opening, openPool } from './opening.ts'

/** What every role needs. */
export type Base = {
  http: HttpServer
  /** Of the database. */
  url: string
  /** Connections for short statements. */
  pool: Pool
  /** The operator's own reports; null when there are none. */
  own: OwnReports | null
  fileStore: FileStore
  shared: Services
}

// Of requests: their statements are short. Reports and migrations may take as long as they take.
const statementMilliseconds = 30_000

/** Listens, and opens the database with all that reads and writes it. */
export async function openBase(opening: Opening): Promise<Base> {
  const { config, logger, onProgress, reportTypes, now, signal, operations, closers } = opening
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
  const own = await openOwnReports(opening, url)
  signal.throwIfAborted()
  const fileStore = await openFileStore(config)
  closers.defer(fileStore.close)
  const pool = openPool(opening, 'requests', {
    url,
    max: 10,
    connectMilliseconds: 5_000,
    statementMilliseconds,
  })
  const prisma = createPrisma(pool)
  closers.defer(() => prisma.$disconnect())
  signal.throwIfAborted()
  const queue = await startQueue({
    url,
    works: config.role !== 'gateway',
    onError: (error) => logger.error({ err: error }, 'The queue reported a fault.'),
  })
  closers.defer(queue.stop)
  const { metrics } = operations
  const wakeUp = await startWakeUp(url, pool, logger, { metrics })
  closers.defer(wakeUp.stop)
  const runLoader = createRunLoader(prisma)
  const hub = createHub({ prisma, wakeUp, loadRun: runLoader.load, logger, metrics })
  closers.defer(hub.stop)
  const shared = {
    prisma,
    queue,
    wakeUp,
    hub,
    runLoader,
    catalog: createCatalog([...reportTypes, ...(own?.types ?? [])]),
    limits: { accountConcurrency: config.accountConcurrency, dailyRuns: config.dailyRuns },
    storage: fileStore.storage,
    metrics,
    logger,
    now,
  }
  closers.defer(startDeadlines(shared).stop)
  return { http, url, pool, own, fileStore, shared }
}
