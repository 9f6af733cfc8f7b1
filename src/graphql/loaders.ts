import type { Logger } from 'pino'
import type { Prisma } from '../postgres/client.ts'
import type { ReportRun } from '../postgres/generated/prisma/client.ts'
import { retryDuringOutage } from '../postgres/outage.ts'
import { createRowLoader, createSharedLoader } from '../postgres/shared-loader.ts'

export type Loaders = ReturnType<typeof createLoaders>

// Loading the objects of an event must survive an outage that the event itself survived.
const retryMilliseconds = 15_000

/**
 * Loaders for the whole process. Concurrent loads of many subscriptions are one query, and so are all loads for the same
 * event. The caller must check that the viewer may see the result.
 */
export function createLoaders(prisma: Prisma, logger: Logger) {
  const apiKey = createRowLoader(
    duringOutage(logger, (ids) => prisma.apiKey.findMany({ where: { id: { in: ids } } })),
  )
  const schedule = createRowLoader(
    duringOutage(logger, (ids) => prisma.reportSchedule.findMany({ where: { id: { in: ids } } })),
  )
  const file = createRowLoader(
    duringOutage(logger, (ids) => prisma.reportFile.findMany({ where: { id: { in: ids } } })),
  )
  const files = createSharedLoader(
    duringOutage(logger, (ids) =>
      prisma.reportFile.findMany({ where: { runId: { in: ids } }, orderBy: { format: 'asc' } }),
    ),
    ({ runId }) => runId,
  )
  const filesBySource = shareBySource(files)
  return {
    /** The files of a run, loaded once per run object, however many subscriptions use it. */
    filesOf: (run: ReportRun) => filesBySource(run, run.id),
    /** An API key, loaded once per object that refers to it, such as a run or an event. */
    apiKeyOf: shareBySource(apiKey),
    /** The schedule of a run, loaded once per run object. */
    scheduleOf: shareBySource(schedule),
    /** The current row of an API key. */
    apiKey,
    /** The current row of a schedule. */
    schedule,
    /** A file by its ID. */
    file,
  }
}

/** Makes a read wait for the end of an outage, for a limited time. */
function duringOutage<Row>(
  logger: Logger,
  find: (keys: string[]) => Promise<Row[]>,
): (keys: string[]) => Promise<Row[]> {
  return (keys) =>
    retryDuringOutage(() => find(keys), {
      signal: AbortSignal.timeout(retryMilliseconds),
      logger,
      failureMessage: 'The objects of runs could not be loaded.',
      triesOnceMore: true,
    })
}

/** Caches each loaded value for the lifetime of its source object. Failures are not cached. */
function shareBySource<Value>(load: (id: string) => Promise<Value>) {
  const bySource = new WeakMap<object, Map<string, Promise<Value>>>()
  return (source: object, id: string): Promise<Value> => {
    const shared = bySource.get(source) ?? new Map<string, Promise<Value>>()
    bySource.set(source, shared)
    const known = shared.get(id)
    if (known) return known
    const loading = load(id)
    shared.set(id, loading)
    loading.catch(() => shared.delete(id))
    return loading
  }
}
