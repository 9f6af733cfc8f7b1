import DataLoader from 'dataloader'
import type { Prisma } from '../../postgres/client.ts'
import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import { type Tenant, tenantKey } from '../../tenant.ts'
import { isFinal } from '../lifecycle/status.ts'
import type { Services } from '../services.ts'

export type QueuePlace = {
  /** 1 for the account's next run. */
  position: number
  estimatedStartAt: Date | null
  waitingFor: 'WORKER' | 'CONCURRENCY_LIMIT' | 'DATA_AVAILABILITY'
}

/** Runs that ended lately, from whose length that of the next ones is guessed. */
const sample = 20

type QueueState = { running: number; queued: number; meanMilliseconds: number | null }

export type QueuePlaceLoader = {
  load(run: ReportRun): Promise<QueuePlace>
  /** The place that a new run would have. */
  next(tenant: Tenant): Promise<QueuePlace>
}

/** Finds where runs that are PENDING stand; a list of them costs two queries. */
export function createQueuePlaceLoader({
  prisma,
  limits: { accountConcurrency },
  now,
}: Pick<Services, 'prisma' | 'limits' | 'now'>): QueuePlaceLoader {
  const placesOf = async (runs: readonly ReportRun[]): Promise<Map<string, QueuePlace>> => {
    const [tenant] = runs
    if (!tenant) return new Map()
    const [state, positions] = await Promise.all([
      readState(prisma, tenant),
      readPositions(
        prisma,
        tenant,
        runs.map(({ id }) => id),
      ),
    ])
    const placeOf = ({ id, dataNeededUntil }: ReportRun): QueuePlace =>
      dataNeededUntil
        ? { position: state.queued + 1, estimatedStartAt: null, waitingFor: 'DATA_AVAILABILITY' }
        : // A run that has just left the queue was its first.
          placeAt(positions.get(id) ?? 1, state, accountConcurrency, now())
    return new Map(runs.map((run) => [run.id, placeOf(run)]))
  }
  const loader = new DataLoader<ReportRun, QueuePlace>(
    async (runs) => {
      const byTenant = Map.groupBy(runs, tenantKey)
      const places = new Map((await Promise.all([...byTenant.values()].map(placesOf))).flatMap((m) => [...m]))
      return runs.map((run) => places.get(run.id) ?? new Error(`The place of ${run.id} was not found.`))
    },
    { cache: false },
  )
  return {
    load: (run) => loader.load(run),
    next: async (tenant) => {
      const state = await readState(prisma, tenant)
      return placeAt(state.queued + 1, state, accountConcurrency, now())
    },
  }
}

const minPollMilliseconds = 1_000
const maxPollMilliseconds = 30_000
// Data comes seldom, and what waits for it does so for long.
const maxPollForDataMilliseconds = 300_000
// Of a run whose end cannot be guessed, news is asked for after a quarter of its age: a poller then learns of the end after
// at most a quarter more time than it took, and asks few times however long that is.
const shareOfAge = 0.25

/** When it makes sense to ask for the run again; null when it will not change any more. */
export function pollAfter(run: ReportRun, now: Date): Date | null {
  if (isFinal(run.status)) return null
  const age = now.getTime() - run.createdAt.getTime()
  const guess = run.estimatedFinishAt ? run.estimatedFinishAt.getTime() - now.getTime() : age * shareOfAge
  const max = run.dataNeededUntil ? maxPollForDataMilliseconds : maxPollMilliseconds
  return new Date(now.getTime() + Math.min(max, Math.max(minPollMilliseconds, guess)))
}

async function readState(prisma: Prisma, { accountId, livemode }: Tenant): Promise<QueueState> {
  const [state] = await prisma.$queryRaw<[{ running: number; queued: number; mean: number | null }]>`
    select
      (
        select count(*)::integer from report_runs
        where account_id = ${accountId} and livemode = ${livemode} and status in ('RUNNING', 'CANCELING')
      ) as running,
      (
        select count(*)::integer from report_runs
        where account_id = ${accountId} and livemode = ${livemode} and status = 'PENDING'
          and data_needed_until is null
      ) as queued,
      (
        select avg(run_milliseconds)::float8 from (
          select run_milliseconds from report_runs
          where account_id = ${accountId} and livemode = ${livemode} and status = 'SUCCEEDED'
          order by id desc limit ${sample}
        ) as ended
      ) as mean`
  return { running: state.running, queued: state.queued, meanMilliseconds: state.mean }
}

/** How many runs of the account are in the queue, up to and with each of these that is: in the order in which they got there. */
async function readPositions(
  prisma: Prisma,
  { accountId, livemode }: Tenant,
  ids: readonly string[],
): Promise<Map<string, number>> {
  const rows = await prisma.$queryRaw<{ id: string; position: number }[]>`
    select id, position from (
      select id, row_number() over (order by coalesce(queued_at, created_at), id)::integer as position
      from report_runs
      where account_id = ${accountId} and livemode = ${livemode} and status = 'PENDING'
        and data_needed_until is null
    ) as queued
    where id = any(${[...ids]}::text[])`
  return new Map(rows.map(({ id, position }) => [id, position]))
}

function placeAt(
  position: number,
  { running, meanMilliseconds }: QueueState,
  limit: number,
  now: Date,
): QueuePlace {
  const free = Math.max(0, limit - running)
  // Then it is up to the workers, which other accounts use as well.
  if (position <= free) return { position, estimatedStartAt: null, waitingFor: 'WORKER' }
  const rounds = Math.ceil((position - free) / limit)
  const estimatedStartAt =
    meanMilliseconds === null ? null : new Date(now.getTime() + rounds * meanMilliseconds)
  return { position, estimatedStartAt, waitingFor: 'CONCURRENCY_LIMIT' }
}
