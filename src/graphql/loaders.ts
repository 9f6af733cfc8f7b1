import DataLoader from 'dataloader'
import type { Logger } from 'pino'
import type { Prisma } from '../postgres/client.ts'
import type { ApiKey, ReportFile, ReportRun, ReportSchedule } from '../postgres/generated/prisma/client.ts'
import { retryDuringOutage } from '../postgres/retry.ts'

export type Loaders = {
  /** Files of a run, loaded once for each object that it was loaded as, however many subscriptions are told of it. */
  filesOf(run: ReportRun): Promise<ReportFile[]>
  /** A key, loaded once for each object that names it: a run, an event. */
  apiKeyOf(source: object, id: string): Promise<ApiKey | null>
  /** The schedule that made a run, loaded once for each object that the run was loaded as. */
  scheduleOf(run: ReportRun, id: string): Promise<ReportSchedule | null>
  /** A key as it is now. */
  apiKey: Pick<DataLoader<string, ApiKey | null>, 'load'>
}

// Of values of which many are the same. Postgres takes at most 65,535.
const options = { cache: false, maxBatchSize: 30_000 }

// What is told of an event should not fail by an outage that the event itself has outlasted.
const patienceMilliseconds = 15_000

/**
 * Loaders for the whole process: what a thousand subscriptions ask for at the same moment is one query, and what they ask
 * for of the same event is one query at whatever moment. Whoever asks has seen to it before that the viewer may know.
 */
export function createLoaders(prisma: Prisma, logger: Logger): Loaders {
  const files = new DataLoader(async (runIds: readonly string[]) => {
    const where = { runId: { in: [...new Set(runIds)] } }
    const found = await patiently(logger, () =>
      prisma.reportFile.findMany({ where, orderBy: { format: 'asc' } }),
    )
    const byRun = Map.groupBy(found, ({ runId }) => runId)
    return runIds.map((runId) => byRun.get(runId) ?? [])
  }, options)
  const apiKey = new DataLoader(async (ids: readonly string[]) => {
    const where = { id: { in: [...new Set(ids)] } }
    const found = await patiently(logger, () => prisma.apiKey.findMany({ where }))
    const byId = new Map(found.map((key) => [key.id, key]))
    return ids.map((id) => byId.get(id) ?? null)
  }, options)
  const schedule = new DataLoader(async (ids: readonly string[]) => {
    const where = { id: { in: [...new Set(ids)] } }
    const found = await patiently(logger, () => prisma.reportSchedule.findMany({ where }))
    const byId = new Map(found.map((known) => [known.id, known]))
    return ids.map((id) => byId.get(id) ?? null)
  }, options)
  const filesBySource = shareBySource((id) => files.load(id))
  return {
    filesOf: (run) => filesBySource(run, run.id),
    apiKeyOf: shareBySource((id) => apiKey.load(id)),
    apiKey,
    scheduleOf: shareBySource((id) => schedule.load(id)),
  }
}

/** Tries for some time, then fails as the last attempt did. */
async function patiently<Result>(logger: Logger, attempt: () => Promise<Result>): Promise<Result> {
  const signal = AbortSignal.timeout(patienceMilliseconds)
  let fault: unknown
  const noteFault = (error: unknown): never => {
    fault = error
    throw error
  }
  const failureMessage = 'What belongs to runs could not be loaded.'
  try {
    return await retryDuringOutage(() => attempt().catch(noteFault), { signal, logger, failureMessage })
  } catch (error) {
    throw signal.aborted ? fault : error
  }
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
