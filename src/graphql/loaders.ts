import type { Logger } from 'pino'
import {
  type ApiKey,
  Prisma,
  type ReportFile,
  type ReportSchedule,
} from '../postgres/generated/prisma/client.ts'
import { retryDuringOutage } from '../postgres/outage.ts'
import { columnsOf, type ReadRows } from '../postgres/rows.ts'
import { createRowLoader, createSharedLoader } from '../postgres/shared-loader.ts'
import type { ListedRun } from '../runs/list/run-rows.ts'

export type Loaders = ReturnType<typeof createLoaders>

// Loading the objects of an event must survive an outage that the event itself survived.
const retryMilliseconds = 15_000

const keyColumns = columnsOf(Object.values(Prisma.ApiKeyScalarFieldEnum))
const scheduleColumns = columnsOf(Object.values(Prisma.ReportScheduleScalarFieldEnum), {
  formats: "coalesce(formats::text[], '{}')",
  tags: "coalesce(tags, '{}')",
})
const fileColumns = columnsOf(Object.values(Prisma.ReportFileScalarFieldEnum))

/**
 * Loaders for the whole process. Concurrent loads of many subscriptions are one query, and so are all loads for the same
 * event. The caller must check that the viewer may see the result.
 */
export function createLoaders(rows: ReadRows, logger: Logger) {
  const apiKey = createRowLoader(
    duringOutage(logger, (ids) =>
      rows<ApiKey>(Prisma.sql`select ${keyColumns} from api_keys where id = any(${ids})`, 'once'),
    ),
  )
  const schedule = createRowLoader(
    duringOutage(logger, (ids) =>
      rows<ReportSchedule>(
        Prisma.sql`select ${scheduleColumns} from report_schedules where id = any(${ids})`,
        'once',
      ),
    ),
  )
  const file = createRowLoader(
    duringOutage(logger, (ids) =>
      rows<ReportFile>(Prisma.sql`select ${fileColumns} from report_files where id = any(${ids})`, 'once'),
    ),
  )
  const files = createSharedLoader(
    duringOutage(logger, (ids) =>
      rows<ReportFile>(
        Prisma.sql`select ${fileColumns} from report_files where run_id = any(${ids}) order by format`,
        'once',
      ),
    ),
    ({ runId }) => runId,
  )
  const filesBySource = shareBySource(files)
  return {
    /** The files of a run: those read with it, or else loaded once per run object, however many subscriptions use it. */
    filesOf: (run: ListedRun) => run.files ?? filesBySource(run, run.id),
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
