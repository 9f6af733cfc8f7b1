import DataLoader from 'dataloader'
import type { Prisma } from '../../postgres/client.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import { onBehalfOf } from '../../request-context.ts'
import { type Tenant, tenantKey } from '../../tenant.ts'
import { isFinal } from '../lifecycle/transition.ts'
import type { Services } from '../services.ts'

export type QueueStatus = {
  /** 1 for the next run of the account. */
  position: number
  estimatedStartAt: Date | null
  waitingFor: 'WORKER' | 'CONCURRENCY_LIMIT' | 'DATA_AVAILABILITY'
}

/** Number of recent runs whose durations predict the next ones. */
const sample = 20

type QueueState = {
  running: number
  queued: number
  meanMilliseconds: number | null
  /** Position by run id, 1 for the first; null when none of the requested runs is in the queue. */
  positions: Readonly<Record<string, number>> | null
}

export type QueueStatusLoader = ReturnType<typeof createQueueStatusLoader>

/** Loads the queue positions of PENDING runs; any number of runs of one account costs one query. */
export function createQueueStatusLoader({
  prisma,
  limits: { accountConcurrency },
  now,
}: Pick<Services, 'prisma' | 'limits' | 'now'>) {
  const placesOf = async (runs: readonly ReportRun[]): Promise<[string, QueueStatus][]> => {
    const [tenant] = runs
    if (!tenant) return []
    const state = await onBehalfOf(tenant, () => readQueue(prisma, tenant, runs))
    const positionOf = ({ id, dataNeededUntil }: ReportRun): QueueStatus =>
      dataNeededUntil
        ? { position: state.queued + 1, estimatedStartAt: null, waitingFor: 'DATA_AVAILABILITY' }
        : // A run that has just left the queue was the first.
          placeAt(state.positions?.[id] ?? 1, state, accountConcurrency, now())
    return runs.map((run) => [run.id, positionOf(run)])
  }
  const loader = new DataLoader<ReportRun, QueueStatus>(
    async (runs) => {
      const byTenant = Map.groupBy(runs, tenantKey)
      const places = new Map((await Promise.all([...byTenant.values()].map(placesOf))).flat())
      return runs.map(
        (run) => places.get(run.id) ?? new Error(`The queue position of ${run.id} was not found.`),
      )
    },
    { cache: false },
  )
  return {
    load: (run: ReportRun) => loader.load(run),
    next: async (tenant: Tenant): Promise<QueueStatus> => {
      const state = await readQueue(prisma, tenant, [])
      return placeAt(state.queued + 1, state, accountConcurrency, now())
    },
  }
}

const minPollMilliseconds = 1_000
const maxPollMilliseconds = 30_000
// Data arrives rarely, so that runs wait for it for a long time.
const maxPollForDataMilliseconds = 300_000
// When the end of a run cannot be estimated, clients poll after a quarter of its age: a poller sees the end at most a quarter
// of the run's duration late, and polls few times however long the run takes.
const shareOfAge = 0.25

/** When to poll the run again; null when it has ended. */
export function pollAfter(run: ReportRun, now: Date): Date | null {
  if (isFinal(run.status)) return null
  const age = now.getTime() - run.createdAt.getTime()
  const guess = run.estimatedFinishAt ? run.estimatedFinishAt.getTime() - now.getTime() : age * shareOfAge
  const max = run.dataNeededUntil ? maxPollForDataMilliseconds : maxPollMilliseconds
  return new Date(now.getTime() + Math.min(max, Math.max(minPollMilliseconds, guess)))
}

/** Reads the queue of a tenant. @param runs the runs of the tenant whose positions are returned */
async function readQueue(
  prisma: Prisma,
  { accountId, livemode }: Tenant,
  runs: readonly ReportRun[],
): Promise<QueueState> {
  const [state] = await prisma.$queryRaw<[QueueState]>`
    with queued as (
      select id, row_number() over (order by coalesce(queued_at, created_at), id) as position
      from report_runs
      where account_id = ${accountId} and livemode = ${livemode} and status = 'PENDING'
        and data_needed_until is null
    )
    select
      (
        select count(*)::integer from report_runs
        where account_id = ${accountId} and livemode = ${livemode} and status in ('RUNNING', 'CANCELING')
      ) as running,
      (select count(*)::integer from queued) as queued,
      (
        select json_object_agg(id, position) from queued
        where id = any(${runs.map(({ id }) => id)}::text[])
      ) as positions,
      (
        select avg(run_milliseconds)::float8 from (
          select run_milliseconds from report_runs
          where account_id = ${accountId} and livemode = ${livemode} and status = 'SUCCEEDED'
          order by id desc limit ${sample}
        ) as ended
      ) as "meanMilliseconds"`
  return state
}

function placeAt(
  position: number,
  { running, meanMilliseconds }: QueueState,
  limit: number,
  now: Date,
): QueueStatus {
  const free = Math.max(0, limit - running)
  // The start then depends on the workers, which all accounts share.
  if (position <= free) return { position, estimatedStartAt: null, waitingFor: 'WORKER' }
  const rounds = Math.ceil((position - free) / limit)
  const estimatedStartAt =
    meanMilliseconds === null ? null : new Date(now.getTime() + rounds * meanMilliseconds)
  return { position, estimatedStartAt, waitingFor: 'CONCURRENCY_LIMIT' }
}
