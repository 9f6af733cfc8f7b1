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
 * Queues every run whose data is now available. Any number of processes can call this at once: each run is released once. All
 * state is in the database, so any process can release a run, however long ago its data arrived.
 */
export async function releaseRuns(deps: ReleaseServices, signal: AbortSignal): Promise<void> {
  // For each group of waiting runs, the earliest time that the data must reach.
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
      // A failure in one group must not block the others.
      const { accountId, reportType } = group
      deps.logger.warn(
        { err: error, accountId, reportType },
        'Failed to check runs that wait for data; trying again soon.',
      )
    }
  }
}

/**
 * Queues runs again that have not ended and have no job. This should not happen, but the queue drops jobs by its own rules,
 * and without a job a run never ends.
 */
export async function requeueOrphans(prisma: Prisma, queue: Queue, logger: Logger): Promise<void> {
  for (const run of await findOrphans(prisma)) {
    const isRestored = await prisma.$transaction((tx) => queue.restore(tx, run))
    if (!isRestored) continue
    await queue.wake()
    logger.warn({ runId: run.id, accountId: run.accountId }, 'A run had no job; queued it again.')
  }
}

/** Puts a run at the end of the queue, unless another process has already done so. */
async function release(deps: ReleaseServices, run: ReportRun): Promise<void> {
  const queuedAt = deps.now()
  const released = await transition(deps, {
    runId: run.id,
    from: 'PENDING',
    to: 'PENDING',
    where: { dataNeededUntil: { not: null } },
    kind: 'UPDATED',
    data: { dataNeededUntil: null, queuedAt },
    also: (tx) => deps.queue.enqueue(tx, run, queuedAt),
  })
  if (!released) return
  deps.wakeUp.announceJob()
  const { id: runId, accountId, traceId } = run
  deps.logger.info({ runId, accountId, traceId }, 'The data that a run waited for is available.')
}

/** Releases the runs of a group whose data is available, oldest first. */
async function releaseCovered(
  deps: ReleaseServices,
  { accountId, livemode, reportType }: Tenant & Pick<ReportRun, 'reportType'>,
  neededUntil: Date | null,
  signal: AbortSignal,
): Promise<void> {
  // Null when only another process knows the type.
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
