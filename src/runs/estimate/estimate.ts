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
import type { QueueStatusLoader } from './queue-status.ts'

type EstimateServices = Pick<Services, 'prisma' | 'queue' | 'catalog' | 'limits' | 'logger' | 'now'> & {
  queueStatuses: Pick<QueueStatusLoader, 'next'>
  estimateRows: EstimateRows
}

/** What a run would cost; unknown values are null. */
export type RunEstimate = {
  rowCount: bigint | null
  /** Without compression. */
  byteSize: bigint | null
  queueMilliseconds: number | null
  runMilliseconds: number | null
  /** The latest identical run that succeeded and still has its files. */
  reusableRun: ReportRun | null
  warnings: string[]
}

// Including the header.
const maxSpreadsheetRows = 1_048_576n
/** Number of past runs to learn from, the newest of their type. */
const sample = 50
/** With fewer rows, fixed costs dominate the time of a run, and it says nothing of the time per row. */
const minTimedRows = 1_000

/** The parts of a request that determine the size of a row in bytes. */
type RowShape = Pick<ReportRun, 'formats'> & { parameters: { readonly columns?: unknown } }

type PastRun = Awaited<ReturnType<typeof readHistory>>[number]

/** Estimates the cost of a run. Throws what createRun would throw now, but creates nothing and uses no quota. */
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

/** Uncompressed bytes of `rows` rows, from past runs with the same columns and formats; null when there are none. */
export function guessBytes(history: readonly PastRun[], request: RowShape, rows: number): bigint | null {
  const similar = history.filter((run) => run.compression === 'NONE' && shapeOf(run) === shapeOf(request))
  const total = { rows: 0, bytes: 0 }
  for (const run of similar) {
    total.rows += run.rows
    total.bytes += run.bytes
  }
  return total.rows === 0 ? null : BigInt(Math.round((rows * total.bytes) / total.rows))
}

/**
 * Milliseconds that `rows` rows would take, on the line from the fastest past run to the largest one; null when no past run
 * is large enough to extrapolate from.
 */
export function guessMilliseconds(history: readonly PastRun[], rows: number): number | null {
  const [largest] = history.toSorted((a, b) => b.rows - a.rows)
  if (!largest || (rows > largest.rows && largest.rows < minTimedRows)) return null
  const least = Math.min(...history.map(({ milliseconds }) => milliseconds))
  const share = largest.rows === 0 ? 0 : rows / largest.rows
  return Math.round(least + share * (largest.milliseconds - least))
}

/** Null when the run must wait for data, and when counting fails or times out: neither is the fault of the request. */
async function tryToEstimate(
  { catalog, estimateRows, logger }: EstimateServices,
  viewer: Viewer,
  { reportType, parameters, dataNeededUntil }: RunSpec,
): Promise<RowEstimate | null> {
  if (dataNeededUntil) return null
  try {
    return await estimateRows(catalog.describe(reportType), viewer, parameters)
  } catch (error) {
    logger.info({ err: error, reportType }, 'Failed to count the rows of a report for an estimate.')
    return null
  }
}

/** In milliseconds. Null while other runs wait for a worker: it depends on how long the runs of other accounts take. */
async function guessQueueTime(
  { queue, queueStatuses, now }: EstimateServices,
  viewer: Viewer,
  { dataNeededUntil }: RunSpec,
): Promise<number | null> {
  if (dataNeededUntil) return null
  const { waitingFor, estimatedStartAt } = await queueStatuses.next(viewer)
  if (waitingFor === 'WORKER') return (await queue.hasBacklog()) ? null : 0
  // The guess is not precise to the millisecond: round it to seconds.
  return estimatedStartAt && Math.round((estimatedStartAt.getTime() - now().getTime()) / 1000) * 1000
}

function warningsOf(estimated: RowEstimate | null, { dataNeededUntil }: RunSpec): string[] {
  if (dataNeededUntil) {
    return [
      `The data does not cover the interval yet: the run would wait until data is available up to ${dataNeededUntil.toISOString()}.`,
    ]
  }
  if (!estimated) return ['The rows could not be counted in time.']
  const { rows, isGuess, isPartial } = estimated
  const sentences = [
    isGuess && 'The number of rows is a guess, because an exact count would take too long.',
    isPartial &&
      `There are more rows than the maximum of ${rows} for this report: the result would be partial.`,
    rows === 0n && !isGuess && 'There are no rows: the result would be empty.',
    rows >= maxSpreadsheetRows &&
      `There are more rows than the ${maxSpreadsheetRows} that a spreadsheet can open.`,
  ]
  return sentences.filter((sentence) => sentence !== false)
}

/** The newest successful runs of the type, of the account and mode. */
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
