import type { ReportRun } from '../../postgres/generated/prisma/client.ts'
import { isFinal } from '../lifecycle/status.ts'

const least = 1_000
const most = 30_000
// Data comes seldom, and what waits for it does so for long.
const mostForData = 300_000
// Of a run whose end nobody can guess, news is asked for after a quarter of its age: who polls so learns of the end after
// at most a quarter more time than it took, and asks few times however long that is.
const shareOfAge = 0.25

/** When it makes sense to ask for the run again; null when it will not change any more. */
export function pollAfter(run: ReportRun, now: Date): Date | null {
  if (isFinal(run.status)) return null
  const age = now.getTime() - run.createdAt.getTime()
  const guess = run.estimatedFinishAt ? run.estimatedFinishAt.getTime() - now.getTime() : age * shareOfAge
  return new Date(now.getTime() + Math.min(run.dataNeededUntil ? mostForData : most, Math.max(least, guess)))
}
