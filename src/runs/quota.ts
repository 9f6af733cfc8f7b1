import type { Viewer } from '../auth/viewer.ts'
import type { Prisma, Transaction } from '../database/client.ts'
import { LimitError } from '../errors.ts'
import { visibleRun } from './visible-run.ts'

/** What each account may use in each mode. */
export type RunLimits = {
  /** Runs that are made at once; more of them wait. */
  accountConcurrency: number
  /** Runs asked for on one day, in UTC; more are refused. */
  dailyRuns: number
}

export type Quota = {
  concurrentRuns: { limit: number; used: number; resetsAt: null }
  dailyRuns: { limit: number; used: number; resetsAt: Date }
}

const startOfDay = (at: Date): Date => new Date(`${at.toISOString().slice(0, 10)}T00:00:00Z`)
const startOfNextDay = (at: Date): Date => new Date(startOfDay(at).getTime() + 24 * 60 * 60 * 1000)

/**
 * Counts a new run in the transaction that creates it.
 *
 * @returns how many runs of the account wait already
 * @throws LimitError when the account has had its runs of the day
 */
export const countRun = async (
  tx: Transaction,
  { accountId, livemode }: Viewer,
  { dailyRuns }: RunLimits,
  at: Date,
): Promise<number> => {
  const day = startOfDay(at).toISOString().slice(0, 10)
  const [counted] = await tx.$queryRaw<{ runs: number | null; waiting: number }[]>`
    with counted as (
      insert into daily_run_counts as counts (account_id, livemode, day, runs)
      values (${accountId}, ${livemode}, ${day}::date, 1)
      on conflict (account_id, livemode, day) do update set runs = counts.runs + 1
      where counts.runs < ${dailyRuns}
      returning runs
    )
    select
      (select runs from counted) as runs,
      (
        select count(*)::integer from report_runs
        where account_id = ${accountId} and livemode = ${livemode} and status = 'PENDING'
      ) as waiting`
  if (!counted || counted.runs === null) {
    throw new LimitError(
      `The account has asked for ${dailyRuns} reports today, which is its limit. Ask again tomorrow (UTC).`,
      dailyRuns,
      startOfNextDay(at),
    )
  }
  return counted.waiting
}

/** What the viewer's account may use, and uses now. */
export const readQuota = async (
  prisma: Prisma,
  viewer: Viewer,
  { accountConcurrency, dailyRuns }: RunLimits,
  now: Date,
): Promise<Quota> => {
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
export const pruneDailyCounts = async (prisma: Prisma, now: Date): Promise<void> => {
  await prisma.dailyRunCount.deleteMany({ where: { day: { lt: startOfDay(now) } } })
}
