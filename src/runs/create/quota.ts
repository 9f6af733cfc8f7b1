import { LimitError } from '../../errors.ts'
import type { Prisma } from '../../postgres/client.ts'
import type { Viewer } from '../../tenant.ts'
import { visibleRun } from '../list/find-run.ts'

/** The limits of each account in each mode. */
export type RunLimits = {
  /** Maximum number of runs in progress; further runs wait. */
  accountConcurrency: number
  /** Maximum number of runs created in one UTC day; further requests are refused. */
  dailyRuns: number
}

export type Quota = Awaited<ReturnType<typeof readQuota>>

/** @throws LimitError when the account has reached its daily limit, so that a new run would be refused */
export async function checkDailyRuns(
  prisma: Prisma,
  viewer: Viewer,
  limits: RunLimits,
  at: Date,
): Promise<void> {
  const { limit, used } = (await readQuota(prisma, viewer, limits, at)).dailyRuns
  if (used >= limit) throw overDailyRuns(limit, at)
}

/** The limits of the viewer's account, and what it uses now. */
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

/** The error of an account that has reached its daily limit. */
export function overDailyRuns(limit: number, at: Date): LimitError {
  const resetsAt = startOfNextDay(at)
  return new LimitError(
    `The account has reached its daily limit of ${limit} report runs. Try again after ${resetsAt.toISOString()}.`,
    limit,
    resetsAt,
  )
}

/** Deletes the counts of past days. */
export async function pruneDailyCounts(prisma: Prisma, now: Date): Promise<void> {
  await prisma.dailyRunCount.deleteMany({ where: { day: { lt: startOfDay(now) } } })
}

function startOfDay(at: Date): Date {
  return new Date(`${at.toISOString().slice(0, 10)}T00:00:00Z`)
}

function startOfNextDay(at: Date): Date {
  return new Date(startOfDay(at).getTime() + 24 * 60 * 60 * 1000)
}
