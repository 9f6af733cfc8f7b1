import type { Logger } from 'pino'
import type { Prisma } from '../postgres/client.ts'
import { findOrphans, type Queue } from '../postgres/queue.ts'

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
