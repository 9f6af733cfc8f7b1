import { LimitError } from '../../errors.ts'
import type { Prisma, Transaction } from '../../postgres/client.ts'
import type { Viewer } from '../../tenant.ts'
import { visibleRun } from '../list/find-run.ts'

/** What each account may use in each mode. */
export type RunLimits = {
  /** Runs that are made at once; more of them wait. */
  accountConcurrency: number
  /** Runs asked for on one day, in UTC; more are refused. */
  dailyRuns: number
}

export type Quota = Awaited<ReturnType<typeof readQuota>>

/** Counts a new run in the transaction that creates it. @throws LimitError when the account has had its runs of the day */
export async function countRun(
  tx: Transaction,
  { accountId, livemode }: Viewer,
  { dailyRuns }: RunLimits,
  at: Date,
): Promise<void> {
  const day = startOfDay(at).toISOString().slice(0, 10)
  const counted = await tx.$executeRaw`
    insert into daily_run_counts as counts (account_id, livemode, day, runs)
    values (${accountId}, ${livemode}, ${day}::date, 1)
    on conflict (account_id, livemode, day) do update set runs = counts.runs + 1
    where counts.runs < ${dailyRuns}`
  if (counted === 0) throw overDailyRuns(dailyRuns, at)
}

/** @throws LimitError when a new run would be refused, because the account has had its runs of the day */
export async function checkDailyRuns(
  prisma: Prisma,
  viewer: Viewer,
  limits: RunLimits,
  at: Date,
): Promise<void> {
  const { limit, used } = (await readQuota(prisma, viewer, limits, at)).dailyRuns
  if (used >= limit) throw overDailyRuns(limit, at)
}

/** What the viewer's account may use, and uses now. */
export async function readQuota(
  prisma: Prisma,
  viewer: Viewer,
  { accountConcurrency, dailyRuns }: RunLimits,
  now: Date,
) {
  const { accountId, livemode } = viewer
  const [used, counted] = await Promise.all([
    prisma.reportRun.count({
      where: { ...visibleRun(viewer), status: { in: ['RUNNING', 'CANCELING'] } },
    }),
    prisma.dailyRunCount.findUnique({
      where: { accountId_livemode_day: { accountId, livemode, day: startOfDay(now) } },
    }),
  ])
  return {
    concurrentRuns: { limit: accountConcurrency, used, resetsAt: null },
    dailyRuns: { limit: dailyRuns, used: counted?.runs ?? 0, resetsAt: startOfNextDay(now) },
  }
}

/** Forgets the counts of days that are over. */
export async function pruneDailyCounts(prisma: Prisma, now: Date): Promise<void> {
  await prisma.dailyRunCount.deleteMany({ where: { day: { lt: startOfDay(now) } } })
}

function startOfDay(at: Date): Date {
  return new Date(`${at.toISOString().slice(0, 10)}T00:00:00Z`)
}

function startOfNextDay(at: Date): Date {
  return new Date(startOfDay(at).getTime() + 24 * 60 * 60 * 1000)
}

function overDailyRuns(limit: number, at: Date): LimitError {
  return new LimitError(
    `The account has asked for ${limit} reports today, which is its limit. Ask again tomorrow (UTC).`,
    limit,
    startOfNextDay(at),
  )
}
