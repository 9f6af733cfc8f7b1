import { jsonObject } from '../../json.ts'
import type { Prisma } from '../../postgres/client.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import type { EstimateRows, RowEstimate } from '../../reports/estimate-rows.ts'
import type { Tenant, Viewer } from '../../tenant.ts'
import { checkDailyRuns } from '../create/quota.ts'
import type { RunRequest } from '../create/request.ts'
import { findIdenticalRun } from '../create/reuse.ts'
import { type RunSpec, validateRun } from '../create/validate.ts'
import type { Services } from '../services.ts'
import type { QueuePlaceLoader } from './queue-place.ts'

type EstimateServices = Pick<Services, 'prisma' | 'queue' | 'catalog' | 'limits' | 'logger' | 'now'> & {
  queuePlaces: Pick<QueuePlaceLoader, 'next'>
  estimateRows: EstimateRows
}

/** What a run would cost; null for what is not known. */
export type RunEstimate = {
  rowCount: bigint | null
  /** Without compression. */
  byteSize: bigint | null
  queueMilliseconds: number | null
  runMilliseconds: number | null
  /** The latest run that would be the same. */
  reusableRun: ReportRun | null
  warnings: string[]
}

// The header is one of them.
const maxSpreadsheetRows = 1_048_576n
/** Runs that are looked at, the newest of their type. */
const sample = 50
/** Rows from which on the time of a run depends on how fast rows are written, and not only on the rest. */
const minTimedRows = 1_000

/** The part of a request that decides how many bytes a row takes. */
type RowShape = Pick<ReportRun, 'formats'> & { parameters: { readonly columns?: unknown } }

type PastRun = Awaited<ReturnType<typeof readHistory>>[number]

/** What a run would cost. It throws what createRun would throw now; but nothing is created, and no quota is taken. */
export async function estimateRun(
  deps: EstimateServices,
  viewer: Viewer,
  request: RunRequest,
): Promise<RunEstimate> {
  const now = deps.now()
  const spec = await validateRun(deps, viewer, request)
  await checkDailyRuns(deps.prisma, viewer, deps.limits, now)
  const [estimated, history, queueMilliseconds, reusableRun] = await Promise.all([
    tryToEstimate(deps, viewer, spec),
    readHistory(deps.prisma, viewer, spec.reportType),
    guessQueueTime(deps, viewer, spec),
    findIdenticalRun(deps.prisma, viewer, spec, { since: new Date(0), now }),
  ])
  const rows = estimated && Number(estimated.rows)
  return {
    rowCount: estimated?.rows ?? null,
    byteSize: rows === null ? null : guessBytes(history, spec, rows),
    queueMilliseconds,
    runMilliseconds: rows === null ? null : guessMilliseconds(history, rows),
    reusableRun,
    warnings: warningsOf(estimated, spec),
  }
}

/** Bytes that so many rows would take without compression, as rows with the same columns did; null when there were none. */
export function guessBytes(history: readonly PastRun[], request: RowShape, rows: number): bigint | null {
  const alike = history.filter((run) => run.compression === 'NONE' && shapeOf(run) === shapeOf(request))
  const total = { rows: 0, bytes: 0 }
  for (const run of alike) {
    total.rows += run.rows
    total.bytes += run.bytes
  }
  return total.rows === 0 ? null : BigInt(Math.round((rows * total.bytes) / total.rows))
}

/**
 * Milliseconds that so many rows would take: what the shortest run took, and more with each row, as the largest has it; null
 * when nothing is known of so many.
 */
export function guessMilliseconds(history: readonly PastRun[], rows: number): number | null {
  const [largest] = history.toSorted((a, b) => b.rows - a.rows)
  if (!largest || (rows > largest.rows && largest.rows < minTimedRows)) return null
  const least = Math.min(...history.map(({ milliseconds }) => milliseconds))
  const share = largest.rows === 0 ? 0 : rows / largest.rows
  return Math.round(least + share * (largest.milliseconds - least))
}

/** Null for data that is to come, and when there is no answer in time, or none at all: that is no fault of the request. */
async function tryToEstimate(
  { catalog, estimateRows, logger }: EstimateServices,
  viewer: Viewer,
  { reportType, parameters, dataNeededUntil }: RunSpec,
): Promise<RowEstimate | null> {
  if (dataNeededUntil) return null
  try {
    return await estimateRows(catalog.describe(reportType), viewer, parameters)
  } catch (error) {
    logger.info({ err: error, reportType }, 'The rows of a report could not be counted for an estimate.')
    return null
  }
}

/** In milliseconds. Null while other runs wait for a worker: it depends on how long those of other accounts take. */
async function guessQueueTime(
  { queue, queuePlaces, now }: EstimateServices,
  viewer: Viewer,
  { dataNeededUntil }: RunSpec,
): Promise<number | null> {
  if (dataNeededUntil) return null
  const { waitingFor, estimatedStartAt } = await queuePlaces.next(viewer)
  if (waitingFor === 'WORKER') return (await queue.hasBacklog()) ? null : 0
  // A guess of a start is no better than to the second.
  return estimatedStartAt && Math.round((estimatedStartAt.getTime() - now().getTime()) / 1000) * 1000
}

function warningsOf(estimated: RowEstimate | null, { dataNeededUntil }: RunSpec): string[] {
  if (dataNeededUntil) {
    return [
      `The data does not cover the interval yet: the run waits until it reaches ${dataNeededUntil.toISOString()}.`,
    ]
  }
  if (!estimated) return ['The rows could not be counted in time.']
  const { rows, isGuess, isPartial } = estimated
  const sentences = [
    isGuess && 'The number of rows is a guess, because counting them would take long.',
    isPartial &&
      `There are more rows than the ${rows} that the report may have: the result would be partial.`,
    rows === 0n && !isGuess && 'There are no rows: the file would hold its header alone.',
    rows >= maxSpreadsheetRows &&
      `There are more rows than the ${maxSpreadsheetRows} that spreadsheets can open.`,
  ]
  return sentences.filter((sentence) => sentence !== false)
}

/** The last runs of the type that have succeeded, of the account and mode. */
async function readHistory(prisma: Prisma, { accountId, livemode }: Tenant, reportType: string) {
  const runs = await prisma.reportRun.findMany({
    where: { accountId, livemode, reportType, status: 'SUCCEEDED' },
    orderBy: { id: 'desc' },
    take: sample,
    select: {
      parameters: true,
      formats: true,
      compression: true,
      rowCount: true,
      byteSize: true,
      runMilliseconds: true,
    },
  })
  return runs.map(({ parameters, rowCount, byteSize, runMilliseconds, ...run }) => ({
    ...run,
    parameters: jsonObject(parameters),
    rows: Number(rowCount),
    bytes: Number(byteSize),
    milliseconds: Number(runMilliseconds),
  }))
}

function shapeOf({ parameters, formats }: RowShape): string {
  return JSON.stringify([parameters.columns, [...new Set(formats)].sort()])
}
