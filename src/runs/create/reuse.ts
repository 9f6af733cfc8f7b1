import type { Prisma, Transaction } from '../../postgres/client.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import type { Viewer } from '../../tenant.ts'
import { type EventCursor, readLogEnd } from '../follow/event-log.ts'
import { visibleRun } from '../list/find-run.ts'
import type { Services } from '../services.ts'
import { claimKey, fingerprint, type IdempotencyKey } from './idempotency.ts'
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
 * Finds the latest identical run that finished recently enough for the request, and claims the key of the request for it.
 *
 * @returns NONE when the request allows no reuse or there is no such run; null when the key has a run already
 */
export async function reuseRun(
  { prisma }: Pick<Services, 'prisma'>,
  viewer: Viewer,
  spec: ResultSpec & Pick<RunSpec, 'reuseWithin'>,
  idempotency: IdempotencyKey | null,
  now: Date,
): Promise<{ run: ReportRun; eventCursor: EventCursor } | 'NONE' | null> {
  const { reuseWithin } = spec
  if (reuseWithin === null) return 'NONE'
  const since = new Date(now.getTime() - reuseWithin)
  return prisma.$transaction(async (tx) => {
    // The end is read first: an event in between is then delivered twice instead of lost.
    const eventCursor = await readLogEnd(tx, viewer)
    const run = await lockIdenticalRun(tx, viewer, spec, { since, now })
    if (!run) return 'NONE'
    if (idempotency && !(await claimKey(tx, viewer, idempotency, run.id, now))) return null
    return { run, eventCursor }
  })
}

/** The same as findIdenticalRun, locked against deletion until the transaction ends. */
async function lockIdenticalRun(
  tx: Transaction,
  viewer: Viewer,
  spec: ResultSpec,
  times: { since: Date; now: Date },
): Promise<ReportRun | null> {
  while (true) {
    const run = await findIdenticalRun(tx, viewer, spec, times)
    if (!run) return null
    const locked = await tx.$queryRaw<unknown[]>`
      select id from report_runs
      where id = ${run.id} and erased_at is null and files_erased_at is null for share`
    // Without the lock, the run was deleted in the meantime: look for another one.
    if (locked.length > 0) return run
  }
}
