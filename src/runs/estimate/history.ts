import { jsonObject } from '../../json.ts'
import type { Prisma } from '../../postgres/client.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import type { Tenant } from '../../tenant.ts'

/** Runs that are looked at, the newest of their type. */
const sample = 50

/** The part of a request that decides how many bytes a row takes. */
type RowShape = Pick<ReportRun, 'formats'> & { parameters: { readonly columns?: unknown } }

type PastRun = Awaited<ReturnType<typeof readHistory>>[number]

/** The last runs of the type that have succeeded, of the account and mode. */
export async function readHistory(prisma: Prisma, { accountId, livemode }: Tenant, reportType: string) {
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

/** Rows from which on the time of a run depends on how fast rows are written, and not only on the rest. */
const minTimedRows = 1_000

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

function shapeOf({ parameters, formats }: RowShape): string {
  return JSON.stringify([parameters.columns, [...new Set(formats)].sort()])
}
