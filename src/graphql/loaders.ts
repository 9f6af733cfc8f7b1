import DataLoader from 'dataloader'
import type { Logger } from 'pino'
import type { Prisma } from '../postgres/client.ts'
import type { ReportRun } from '../postgres/generated/prisma/client.ts'
import { retryDuringOutage } from '../postgres/outage.ts'

export type Loaders = ReturnType<typeof createLoaders>

// Of values of which many are the same. Postgres takes at most 65,535.
const options = { cache: false, maxBatchSize: 30_000 }

// What belongs to an event should not fail by an outage that the event itself has outlasted.
const patienceMilliseconds = 15_000

/**
 * Loaders for the whole process: what a thousand subscriptions ask for at the same moment is one query, and what they ask
 * for of the same event is one query at whatever moment. The caller has checked that the viewer may know.
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
  const first = async <Row>(rows: Promise<Row[]>): Promise<Row | null> => (await rows)[0] ?? null
  const apiKeyById = (id: string) => first(apiKey(id))
  const filesBySource = shareBySource(files)
  return {
    /** Files of a run, loaded once for each object that it was loaded as, however many subscriptions ask for it. */
    filesOf: (run: ReportRun) => filesBySource(run, run.id),
    /** A key, loaded once for each object that names it: a run, an event. */
    apiKeyOf: shareBySource(apiKeyById),
    /** The schedule that made a run, loaded once for each object that the run was loaded as. */
    scheduleOf: shareBySource((id) => first(schedule(id))),
    /** A key as it is now. */
    apiKey: apiKeyById,
  }
}

/** Loads the rows that have a key, those of many keys by one query. */
function createLoader<Row>(
  logger: Logger,
  find: (keys: string[]) => Promise<Row[]>,
  keyOf: (row: Row) => string,
): (key: string) => Promise<Row[]> {
  const loader = new DataLoader(async (keys: readonly string[]) => {
    const found = await retryDuringOutage(() => find([...new Set(keys)]), {
      signal: AbortSignal.timeout(patienceMilliseconds),
      logger,
      failureMessage: 'What belongs to runs could not be loaded.',
      triesOnceMore: true,
    })
    const byKey = Map.groupBy(found, keyOf)
    return keys.map((key) => byKey.get(key) ?? [])
  }, options)
  return (key) => loader.load(key)
}

/** Remembers what was loaded for as long as the object lives that it was loaded for; not what could not be loaded. */
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
