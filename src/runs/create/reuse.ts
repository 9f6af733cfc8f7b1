import type { Prisma, Transaction } from '../../postgres/client.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import type { Viewer } from '../../tenant.ts'
import { type EventCursor, readLogEnd } from '../follow/event-log.ts'
import { visibleRun } from '../list/find-run.ts'
import { fingerprint } from './idempotency.ts'
import type { RunSpec } from './validate.ts'

/** The parts of a request that determine the result; annotations and retention do not. */
type ResultSpec = Pick<RunSpec, 'reportType' | 'parameters' | 'formats' | 'compression' | 'byteOrderMark'>

/** A hash that is equal for two specs exactly when they request the same result. */
export function requestHash({ reportType, parameters, formats, compression, byteOrderMark }: ResultSpec) {
  return fingerprint({
    reportType,
    parameters,
    formats: [...new Set(formats)].sort(),
    compression,
    // Left out when false, so that the hash is that of runs before this field.
    ...(byteOrderMark && { byteOrderMark }),
  })
}

/** The latest identical run that succeeded since a time and still has its files; null when there is none. */
export function findIdenticalRun(
  prisma: Prisma | Transaction,
  viewer: Viewer,
  spec: ResultSpec,
  { since, now }: { since: Date; now: Date },
): Promise<ReportRun | null> {
  return prisma.reportRun.findFirst({
    where: {
      ...visibleRun(viewer),
      requestHash: requestHash(spec),
      finishedAt: { gte: since },
      status: 'SUCCEEDED',
      filesDeletedAt: null,
      OR: [{ expiresAt: null }, { expiresAt: { gt: now } }],
    },
    orderBy: { finishedAt: 'desc' },
  })
}

/**
 * The latest identical run that finished within the last `withinMilliseconds`, locked against deletion until the transaction
 * ends; null when there is none.
 */
export async function findReusableRun(
  tx: Transaction,
  viewer: Viewer,
  spec: ResultSpec,
  withinMilliseconds: number,
  now: Date,
): Promise<{ run: ReportRun; eventCursor: EventCursor } | null> {
  const since = new Date(now.getTime() - withinMilliseconds)
  // The end is read first: an event in between is then delivered twice instead of lost.
  const eventCursor = await readLogEnd(tx, viewer)
  while (true) {
    const run = await findIdenticalRun(tx, viewer, spec, { since, now })
    if (!run) return null
    const locked = await tx.$queryRaw<unknown[]>`
      select id from report_runs
      where id = ${run.id} and erased_at is null and files_erased_at is null for share`
    // Without the lock, the run was deleted in the meantime: look for another one.
    if (locked.length > 0) return { run, eventCursor }
  }
}
