import { createPool, createPrisma } from '../../src/postgres/client.ts'
import type { Prisma as PrismaTypes, ReportRun } from '../../src/postgres/generated/prisma/client.ts'
import { type Queue, startQueue } from '../../src/postgres/queue.ts'
import { createCatalog } from '../../src/reports/catalog.ts'
import { runEvery } from '../../src/run-every.ts'
import { requeueOrphans } from '../../src/runs/lifecycle/release.ts'
import { recordChange } from '../../src/runs/lifecycle/transition.ts'
import { startWorker, type WorkerOptions } from '../../src/worker/worker.ts'
import { type GatewayProcess, spawnGateway, testEntry } from './gateway-process.ts'
import { type RunOwner, runRow } from './insert-run.ts'
import { openRunParts, type RunParts } from './run-parts.ts'
import { slowReport, storedFiles } from './slow-report.ts'

export type RunFields = Partial<PrismaTypes.ReportRunUncheckedCreateInput>

/** The parts of run processing, with the queue; tests start workers as needed. */
export type WorkerParts = RunParts & {
  /** For creating jobs; it takes none. */
  queue: Queue
  /** Creates a run with its job and its first event, as a mutation does; of the type `test.slow.1` by default. */
  createRun(fields?: RunFields, owner?: RunOwner): Promise<ReportRun>
  runNow(id: string): Promise<ReportRun>
  /** Files of a run, including partial ones. */
  filesOf(id: string): Promise<string[]>
  /** Starts a worker in this process; it stops when it is disposed of. All its connections use `databaseUrl`. */
  startWorker(
    options?: Partial<WorkerOptions> & { databaseUrl?: string; requeueMilliseconds?: number },
  ): Promise<AsyncDisposable & { stop(): Promise<void> }>
  /** Starts a worker in a separate process. It may not be ready yet. */
  spawnWorker(environment?: Record<string, string>): GatewayProcess
}

const defaults: WorkerOptions = { concurrency: 2, accountConcurrency: 100, runAttempts: 3, stopSeconds: 0 }

export async function openWorkerParts(): Promise<WorkerParts> {
  await using cleanup = new AsyncDisposableStack()
  const parts = cleanup.use(await openRunParts())
  const { prisma, wakeUp, logger, database, dataDir } = parts
  const onError = (error: unknown): void => logger.warn({ err: error }, 'A background error.')
  const now = (): Date => new Date()
  const queue = await startQueue({ url: database.url, isWorker: false, onError })
  cleanup.defer(queue.stop)
  const opened = cleanup.move()
  return {
    ...parts,
    queue,
    createRun: async (fields, owner = parts.owner) => {
      const run = await prisma.$transaction(async (tx) => {
        const created = await tx.reportRun.create({
          data: runRow(owner, { reportType: slowReport.name, ...fields }),
        })
        await queue.enqueue(tx, created, now())
        await recordChange(tx, created, { from: null, actorId: owner.apiKeyId, at: now() })
        return created
      })
      wakeUp.notify(run)
      wakeUp.announceJob()
      return run
    },
    runNow: (id) => prisma.reportRun.findUniqueOrThrow({ where: { id } }),
    filesOf: async (id) => (await storedFiles(dataDir).catch(() => [])).filter((file) => file.includes(id)),
    startWorker: async ({
      databaseUrl: url = database.url,
      requeueMilliseconds = 60_000,
      ...options
    } = {}) => {
      await using opening = new AsyncDisposableStack()
      const openPool = (max: number, limits: { statementMilliseconds?: number } = {}) => {
        const pool = createPool({ url, max, applicationName: 'test worker', onError, ...limits })
        opening.defer(() => pool.end())
        return pool
      }
      const exportPool = openPool(10)
      const working = await startQueue({ url, isWorker: true, onError })
      opening.defer(working.stop)
      const deps = {
        ...parts,
        prisma: createPrisma(openPool(5, { statementMilliseconds: 5_000 })),
        exportPool,
        customPool: null,
        replicaSeconds: null,
        catalog: createCatalog([slowReport]),
        now,
      }
      const { stop } = await startWorker(deps, working, { ...defaults, ...options })
      opening.defer(stop)
      const requeue = runEvery({
        task: () => requeueOrphans(deps.prisma, working, logger),
        milliseconds: requeueMilliseconds,
        logger,
        failureMessage: 'Runs without a job could not be queued; trying again.',
      })
      opening.defer(requeue.stop)
      const started = opening.move()
      return { stop, [Symbol.asyncDispose]: () => started.disposeAsync() }
    },
    spawnWorker: (environment = {}) =>
      spawnGateway(
        { ROLE: 'worker', DATABASE_URL: database.url, DATA_DIR: dataDir, STOP_SECONDS: '1', ...environment },
        testEntry,
      ),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
