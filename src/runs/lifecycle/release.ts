import type { Logger } from 'pino'
import type { Prisma } from '../../postgres/client.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import { findOrphans, type Queue } from '../../postgres/queue.ts'
import type { Tenant } from '../../tenant.ts'
import type { Services } from '../services.ts'
import { type ChangeServices, transition } from './transition.ts'

const pageSize = 100

export type ReleaseServices = ChangeServices & Pick<Services, 'queue' | 'catalog' | 'logger'>

/**
 * Queues every run whose data has come. Any number of processes may do so at once: each run is released by one. All there is
 * to know of them is in the database, so it does not matter which process looks, nor when the data came.
 */
export async function releaseRuns(deps: ReleaseServices, signal: AbortSignal): Promise<void> {
  // Who waits for what, and until when the data has to reach for the first of them.
  const groups = await deps.prisma.reportRun.groupBy({
    by: ['accountId', 'livemode', 'reportType'],
    where: { dataNeededUntil: { not: null } },
    _min: { dataNeededUntil: true },
  })
  for (const { _min: first, ...group } of groups) {
    signal.throwIfAborted()
    try {
      await releaseCovered(deps, group, first.dataNeededUntil, signal)
    } catch (error) {
      if (signal.aborted) throw error
      // The others do not have to wait for it.
      const { accountId, reportType } = group
      deps.logger.warn(
        { err: error, accountId, reportType },
        'Runs that wait for data could not be looked after.',
      )
    }
  }
}

/**
 * Gives runs that have not ended, and have no job, a job again. That should not happen; but the queue has its own rules for
 * when to forget a job, and such a run would never end.
 */
export async function requeueOrphans(prisma: Prisma, queue: Queue, logger: Logger): Promise<void> {
  for (const run of await findOrphans(prisma)) {
    const isRestored = await prisma.$transaction((tx) => queue.restore(tx, run))
    if (isRestored)
      logger.warn({ runId: run.id, accountId: run.accountId }, 'A run had no job, and gets one.')
  }
}

/** Puts a run into the queue, behind those that are there; nothing happens when another process was faster. */
async function release(deps: ReleaseServices, run: ReportRun): Promise<void> {
  const released = await transition(deps, {
    runId: run.id,
    from: 'PENDING',
    to: 'PENDING',
    where: { dataNeededUntil: { not: null } },
    kind: 'UPDATED',
    data: { dataNeededUntil: null, queuedAt: deps.now() },
    also: (tx) => deps.queue.enqueue(tx, run),
  })
  const { id: runId, accountId, traceId } = run
  if (released)
    deps.logger.info({ runId, accountId, traceId }, 'The data has come that a run had waited for.')
}

/** Releases those of a group whose data is there, the oldest first. */
async function releaseCovered(
  deps: ReleaseServices,
  { accountId, livemode, reportType }: Tenant & Pick<ReportRun, 'reportType'>,
  neededUntil: Date | null,
  signal: AbortSignal,
): Promise<void> {
  // Another process may know the type.
  const type = deps.catalog.find(reportType)
  const available = type && (await type.availability(deps.prisma, { accountId, livemode }))
  if (!available || !neededUntil || available.until < neededUntil) return
  let covered: ReportRun[]
  do {
    covered = await deps.prisma.reportRun.findMany({
      where: {
        accountId,
        livemode,
        reportType,
        status: 'PENDING',
        dataNeededUntil: { lte: available.until },
      },
      orderBy: { id: 'asc' },
      take: pageSize,
    })
    for (const run of covered) {
      signal.throwIfAborted()
      await release(deps, run)
    }
  } while (covered.length === pageSize)
}
