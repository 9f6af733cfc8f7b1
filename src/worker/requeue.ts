import type { Logger } from 'pino'
import type { Prisma } from '../postgres/client.ts'
import { jobIdSql, type Queue, type QueuedRun, queueSchema, reportRunQueue } from '../postgres/queue.ts'

const mostAtOnce = 1_000

// By account, because that is how runs are indexed, and with a limit, which keeps Postgres from reading the table instead:
// only live runs are read, however many have ended.
const orphansSql = `
  select run.id, run.created_at as "createdAt", head.account_id as "accountId", head.livemode
  from event_log_heads as head
  cross join unnest(array['PENDING', 'RUNNING', 'CANCELING']::"ReportRunStatus"[]) as live(status)
  cross join lateral (
    select id, created_at from report_runs
    where account_id = head.account_id and livemode = head.livemode and status = live.status
      and data_needed_until is null
      and not exists (
        select from ${queueSchema}.job as job
        where job.name = '${reportRunQueue}' and job.id = ${jobIdSql('report_runs.id')} and job.state < 'completed'
      )
    limit ${mostAtOnce}
  ) as run
  limit ${mostAtOnce}`

/**
 * Gives runs that have not ended, and have no job, a job again; those that wait for their data have none. That should not
 * happen; but the queue has its own rules for when to forget a job, and such a run would never end.
 */
export async function requeueOrphans(prisma: Prisma, queue: Queue, logger: Logger): Promise<void> {
  const orphans = await prisma.$queryRawUnsafe<(QueuedRun & { createdAt: Date })[]>(orphansSql)
  for (const run of orphans) {
    const isRestored = await prisma.$transaction((tx) => queue.restore(tx, run))
    if (isRestored)
      logger.warn({ runId: run.id, accountId: run.accountId }, 'A run had no job, and gets one.')
  }
}
