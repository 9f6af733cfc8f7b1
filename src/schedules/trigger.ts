import { Temporal } from 'temporal-polyfill'
import { InputError } from '../errors.ts'
import type { ReportSchedule } from '../postgres/generated/prisma/client.ts'
import { preview } from '../reports/parameters.ts'
import type { AnyReportType } from '../reports/report-type.ts'
import { readTimezone } from '../reports/timezone.ts'
import { type Cron, checkCron } from './cron.ts'
import { checkDataPeriod } from './data-period.ts'

/**
 * Triggers the runs of a schedule: at times, or when the data has grown by a period. The timezone of the trigger is that of
 * the schedule, in which a report without a timezone counts its relative interval.
 */
export type Trigger =
  | ({ kind: 'cron' } & Cron)
  | { kind: 'data'; period: Temporal.Duration; timezone: string }

/** A trigger as requested. Without a timezone, cron uses that of the report or of the previous trigger. */
export type GivenTrigger =
  | { kind: 'cron'; expression: string; timezone: string | null }
  | { kind: 'data'; period: Temporal.Duration }

/**
 * Validates a trigger.
 *
 * @param timezone the timezone of a trigger without one
 * @throws InputError with a path that starts with `trigger`
 */
export function acceptTrigger(
  given: GivenTrigger,
  type: AnyReportType | null,
  timezone: string,
  now: Date,
): Trigger {
  if (given.kind === 'data') {
    // Only the SQL of a custom report determines which data it reads.
    if (type?.custom) {
      throw new InputError(
        `${type.name} is a custom report, and the gateway cannot detect when its data grows. Use a cron trigger.`,
        ['trigger', 'onDataAvailable'],
      )
    }
    checkDataPeriod(given.period)
    return { ...given, timezone }
  }
  const zone = given.timezone === null ? timezone : readTimezone(given.timezone)
  if (zone === null) {
    throw new InputError(
      `${preview(given.timezone)} is not a valid timezone. Use an IANA name such as "Europe/Berlin".`,
      ['trigger', 'cron', 'timezone'],
    )
  }
  const trigger = { kind: 'cron', expression: given.expression, timezone: zone } as const
  checkCron(trigger, now)
  return trigger
}

export function triggerColumns(trigger: Trigger) {
  return trigger.kind === 'cron'
    ? { cronExpression: trigger.expression, cronTimezone: trigger.timezone, dataPeriod: null }
    : { cronExpression: null, cronTimezone: null, dataPeriod: trigger.period.toString() }
}

export function triggerOf(
  { id, cronExpression, cronTimezone, dataPeriod }: ReportSchedule,
  timezone: string,
): Trigger {
  if (dataPeriod !== null) return { kind: 'data', period: Temporal.Duration.from(dataPeriod), timezone }
  if (cronExpression === null || cronTimezone === null) throw new Error(`The schedule ${id} has no trigger.`)
  return { kind: 'cron', expression: cronExpression, timezone: cronTimezone }
}
