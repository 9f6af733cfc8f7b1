import type { ReportSchedule } from '../postgres/generated/prisma/client.ts'
import type { Period } from '../reports/interval.ts'
import type { Availability } from '../reports/report-type.ts'
import { lastOccurrence, nextOccurrence } from './cron.ts'
import { startOfUnit, wholePeriods } from './data-period.ts'
import type { Trigger } from './trigger.ts'

/** The time up to which the runs of a schedule cover, and the time of its next run. */
export type SchedulePosition = Pick<ReportSchedule, 'nextRunAt' | 'coveredUntil'>

export type DueRun = {
  /** The time that relative intervals refer to. */
  at: Date
  period: Period
  /** The position of the schedule after the run is created. */
  next: SchedulePosition
}

/**
 * The position of a schedule that is activated. It does not catch up on earlier occurrences or data.
 *
 * @param available the span of available data; null when there is none
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
 * The run that is due; null when none is. Several missed occurrences, or several periods of new data, make one run, for the
 * last one.
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

/** A time, moved to the start of the data when it is earlier: there is nothing to report before that. */
function withinData(at: Date, available: Availability | null): Date {
  return available && available.from > at ? available.from : at
}
