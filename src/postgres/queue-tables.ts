import { createHash } from 'node:crypto'
import type { Pool } from 'pg'
import type { Db, JobAttempt } from 'pg-boss'
import type { Tenant } from '../tenant.ts'
import type { Prisma, Transaction } from './client.ts'

// All statements of ours on pg-boss's private tables, for what its API cannot do. test/postgres/queue.test.ts checks what they
// rely on, so it fails when a new version of pg-boss changes that.

/** pg-boss's own Postgres schema; not its default, which another program in the same database may use. */
export const queueSchema = 'report_gateway_queue'
/** The queue of report runs; a job carries the id of its run. */
export const reportRunQueue = 'report-run'

export type QueuedRun = Tenant & { id: string }
export type OrphanedRun = QueuedRun & { createdAt: Date }

const job = `${queueSchema}.job`

/** The id of a run's job: always the same, so that a run has one job at most. `jobIdSql` says the same in SQL. */
export function jobIdOf(runId: string): string {
  const hex = createHash('sha256').update(runId).digest('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/, '$1-$2-$3-$4-$5')
}

export function jobIdSql(column: string): string {
  return `substring(encode(sha256(${column}::bytea), 'hex'), 1, 32)::uuid`
}

// The priority of some of the newest, and not of one alone: of runs made at the same moment, the last in order may be the
// first in the queue.
const queuedSql = `
  with queued as not materialized (
    select id from report_runs
    where account_id = $1 and livemode = $2 and status = 'PENDING' and data_needed_until is null and id <> $3
  )
  select
    (select count(*)::integer from queued) as count,
    (
      select min(job.priority)
      from (select id from queued order by id desc limit 8) as run
      join ${job} as job on job.name = '${reportRunQueue}' and job.id = ${jobIdSql('run.id')}
    ) as "newestPriority"`

/** The other runs of the account and mode that are in the queue, and the lowest priority among the newest of their jobs. */
export async function readQueued(
  tx: Transaction,
  { accountId, livemode, id }: QueuedRun,
): Promise<{ count: number; newestPriority: number | null }> {
  const [queued] = await tx.$queryRawUnsafe<[{ count: number; newestPriority: number | null }]>(
    queuedSql,
    ...[accountId, livemode, id],
  )
  return queued
}

/** Deletes the job of a run when it has ended: it keeps its id until then. One that lives is not touched. */
export async function deleteEndedJob(tx: Transaction, runId: string): Promise<void> {
  await tx.$executeRawUnsafe(
    `delete from ${job} where name = $1 and id = $2::uuid and state >= 'completed'`,
    ...[reportRunQueue, jobIdOf(runId)],
  )
}

/** True when the claim is still the job's newest; it stays so until the transaction ends. */
export async function holdsClaim(tx: Transaction, { id, retryCount }: JobAttempt): Promise<boolean> {
  const rows = await tx.$queryRawUnsafe<unknown[]>(
    `select id from ${job}
    where name = $1 and id = $2::uuid and state = 'active' and retry_count = $3 for update`,
    ...[reportRunQueue, id, retryCount],
  )
  return rows.length > 0
}

/** Gives a claimed job back, to be fetched after a time; nothing happens when the claim was lost. */
export async function putBackJob(
  db: Db,
  { id, retryCount }: JobAttempt,
  afterMilliseconds: number,
): Promise<void> {
  await db.executeSql(
    `update ${job}
    set state = 'retry', heartbeat_on = null, start_after = now() + $4::float8 * interval '1 millisecond'
    where name = $1 and id = $2::uuid and state = 'active' and retry_count = $3`,
    [reportRunQueue, id, retryCount, afterMilliseconds],
  )
}

/** Notifies the listeners of all processes that there is something to fetch, as pg-boss does for a new job. */
export async function notifyListeners(db: Db): Promise<void> {
  await db.executeSql(
    `select pg_notify('pgboss_' || left(encode(sha224('${queueSchema}'::bytea), 'hex'), 24), $1)`,
    [reportRunQueue],
  )
}

/** Report runs that wait for a worker, by an index that has only those. */
export async function countWaitingRuns(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `select count(*)::integer as count from ${job} where name = $1 and state < 'active'`,
    [reportRunQueue],
  )
  return rows[0]?.count ?? 0
}

const maxOrphans = 1_000

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
        select from ${job} as job
        where job.name = '${reportRunQueue}' and job.id = ${jobIdSql('report_runs.id')} and job.state < 'completed'
      )
    limit ${maxOrphans}
  ) as run
  limit ${maxOrphans}`

/** Runs that have not ended and have no job that lives; those that wait for their data have none, and are left out. */
export function findOrphans(prisma: Prisma): Promise<OrphanedRun[]> {
  return prisma.$queryRawUnsafe(orphansSql)
}
