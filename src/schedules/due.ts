import type { ReportSchedule } from '../postgres/generated/prisma/client.ts'
import type { Period } from '../reports/interval.ts'
import type { Availability } from '../reports/report-type.ts'
import { lastOccurrence, nextOccurrence } from './cron.ts'
import { startOfUnit, wholePeriods } from './data-period.ts'
import type { Trigger } from './trigger.ts'

/** How far a schedule has come, and when it goes on. */
export type SchedulePosition = Pick<ReportSchedule, 'nextRunAt' | 'coveredUntil'>

export type DueRun = {
  /** The time that relative intervals count from. */
  at: Date
  period: Period
  /** Where the schedule stands when the run is made. */
  next: SchedulePosition
}

/**
 * Where a schedule begins that is turned on: it makes up for nothing that was before.
 *
 * @param available what there are data for; null when there are none
 */
export function startingPosition(
  trigger: Trigger,
  now: Date,
  available: Availability | null,
): SchedulePosition {
  return trigger.kind === 'cron'
    ? { nextRunAt: nextOccurrence(trigger, now), coveredUntil: lastOccurrence(trigger, now) ?? now }
    : {
        nextRunAt: null,
        coveredUntil:
          available && withinData(startOfUnit(trigger.period, available.until, trigger.timezone), available),
      }
}

/**
 * The run that is due; null when none is. Of several occurrences that were missed, as of several periods by which the data
 * have grown, it is one run, for the last.
 */
export function dueRun(
  trigger: Trigger,
  { nextRunAt, coveredUntil }: SchedulePosition,
  now: Date,
  available: Availability | null,
): DueRun | null {
  if (trigger.kind === 'data') {
    if (!available) return null
    const from = withinData(coveredUntil ?? available.from, available)
    const period = wholePeriods(trigger.period, from, available.until, trigger.timezone)
    return period && { at: period.end, period, next: { nextRunAt: null, coveredUntil: period.end } }
  }
  if (nextRunAt === null || nextRunAt > now) return null
  const last = lastOccurrence(trigger, now) ?? nextRunAt
  const at = last > nextRunAt ? last : nextRunAt
  const period = { start: withinData(coveredUntil ?? nextRunAt, available), end: at }
  return { at, period, next: { nextRunAt: nextOccurrence(trigger, now), coveredUntil: at } }
}

/** A time, or where the data begin when that is later: there is nothing to report from before. */
function withinData(at: Date, available: Availability | null): Date {
  return available && available.from > at ? available.from : at
}
