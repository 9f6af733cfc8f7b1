import type { Viewer } from '../../auth/viewer.ts'
import type { Prisma, Transaction } from '../../postgres/client.ts'
import type {
  Compression,
  Prisma as PrismaTypes,
  ReportFormat,
  ReportRun,
} from '../../postgres/generated/prisma/client.ts'
import { visibleRun } from '../list/visible-run.ts'
import { fingerprint } from './fingerprint.ts'

/** All of a request that decides what the result is, as accepted; what the run is called and how long it is kept is not of it. */
export type ResultRequest = {
  /** With its version. */
  reportType: string
  parameters: PrismaTypes.InputJsonObject
  formats: readonly ReportFormat[]
  compression: Compression
}

/** The same for all requests that ask for the same result, and for no others. */
export function requestHash({ reportType, parameters, formats, compression }: ResultRequest) {
  return fingerprint({ reportType, parameters, formats: [...new Set(formats)].sort(), compression })
}

/**
 * The latest run of an identical request that has succeeded and still has its files; null when there is none.
 *
 * @param since it has to have finished then or later
 */
export function findIdenticalRun(
  prisma: Prisma | Transaction,
  viewer: Viewer,
  request: ResultRequest,
  { since, now }: { since: Date; now: Date },
): Promise<ReportRun | null> {
  return prisma.reportRun.findFirst({
    where: {
      ...visibleRun(viewer),
      requestHash: requestHash(request),
      finishedAt: { gte: since },
      status: 'SUCCEEDED',
      filesErasedAt: null,
      OR: [{ expiresAt: null }, { expiresAt: { gt: now } }],
    },
    orderBy: { finishedAt: 'desc' },
  })
}

/** Keeps a run from being erased until the transaction ends; false when it has been already. */
export async function holdRun(tx: Transaction, { id }: ReportRun): Promise<boolean> {
  const held = await tx.$queryRaw<unknown[]>`
    select id from report_runs where id = ${id} and erased_at is null and files_erased_at is null for share`
  return held.length > 0
}
