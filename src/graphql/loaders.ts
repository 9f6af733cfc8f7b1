import type { Logger } from 'pino'
import type { Prisma } from '../postgres/client.ts'
import type { ReportRun } from '../postgres/generated/prisma/client.ts'
import { retryDuringOutage } from '../postgres/outage.ts'
import { createSharedLoader } from '../postgres/shared-loader.ts'

export type Loaders = ReturnType<typeof createLoaders>

// Loading the objects of an event must survive an outage that the event itself survived.
const retryMilliseconds = 15_000

/**
 * Loaders for the whole process. Concurrent loads of many subscriptions are one query, and so are all loads for the same
 * event. The caller must check that the viewer may see the result.
 */
export function createLoaders(prisma: Prisma, logger: Logger) {
  const idOf = ({ id }: { id: string }): string => id
  const apiKey = createLoader(logger, (ids) => prisma.apiKey.findMany({ where: { id: { in: ids } } }), idOf)
  const schedule = createLoader(
    logger,
    (ids) => prisma.reportSchedule.findMany({ where: { id: { in: ids } } }),
    idOf,
  )
  const files = createLoader(
    logger,
    (ids) => prisma.reportFile.findMany({ where: { runId: { in: ids } }, orderBy: { format: 'asc' } }),
    ({ runId }) => runId,
  )
  const file = createLoader(logger, (ids) => prisma.reportFile.findMany({ where: { id: { in: ids } } }), idOf)
  const first = async <Row>(rows: Promise<Row[]>): Promise<Row | null> => (await rows)[0] ?? null
  const apiKeyById = (id: string) => first(apiKey(id))
  const filesBySource = shareBySource(files)
  return {
    /** The files of a run, loaded once per run object, however many subscriptions use it. */
    filesOf: (run: ReportRun) => filesBySource(run, run.id),
    /** An API key, loaded once per object that refers to it, such as a run or an event. */
    apiKeyOf: shareBySource(apiKeyById),
    /** The schedule of a run, loaded once per run object. */
    scheduleOf: shareBySource((id) => first(schedule(id))),
    /** The current row of an API key. */
    apiKey: apiKeyById,
    /** The current row of a schedule. */
    schedule: (id: string) => first(schedule(id)),
    /** A file by its ID. */
    file: (id: string) => first(file(id)),
  }
}

/** Creates a function that loads the rows with a key, in one query for many keys. */
function createLoader<Row>(
  logger: Logger,
  find: (keys: string[]) => Promise<Row[]>,
  keyOf: (row: Row) => string,
): (key: string) => Promise<Row[]> {
  const findDuringOutage = (keys: string[]): Promise<Row[]> =>
    retryDuringOutage(() => find(keys), {
      signal: AbortSignal.timeout(retryMilliseconds),
      logger,
      failureMessage: 'The objects of runs could not be loaded.',
      triesOnceMore: true,
    })
  return createSharedLoader(findDuringOutage, keyOf)
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
