import { Temporal } from 'temporal-polyfill'
import { ClientError } from './client-error.ts'
import type { ReportParameter } from './report-run.ts'

/** Options from the command line. */
export type ParameterOptions = {
  from?: string | undefined
  to?: string | undefined
  timezone?: string | undefined
  currency?: string | undefined
  columns?: string | undefined
  /** Any parameter, as `name=value`. */
  set?: string[] | undefined
}

/**
 * Builds the parameters to send. The gateway validates them. This function only converts dates, and selects the previous
 * month when no time is given and the report type takes an interval.
 *
 * @param types the parameters that the report type takes
 * @throws ClientError when an option cannot be read
 */
export function readParameters(
  options: ParameterOptions,
  types: readonly ReportParameter[],
  now: Date,
): Record<string, unknown> {
  const { from, to, timezone, currency, columns, set = [] } = options
  const hasTime = from !== undefined || to !== undefined
  const interval = Object.entries(readInterval(options, now)).filter(
    ([name]) => hasTime || types.some((type) => type.name === name),
  )
  return {
    ...Object.fromEntries(interval),
    ...(timezone !== undefined && { timezone }),
    ...(currency !== undefined && { currency }),
    ...(columns !== undefined && { columns: split(columns) }),
    ...Object.fromEntries(set.map((setting) => readSetting(setting, types))),
  }
}

/**
 * Reads a date as midnight in the timezone, or an instant.
 *
 * @throws RangeError when it is neither
 */
export function readInstant(text: string, timezone: string): Temporal.Instant {
  return /^\d{4}-\d{2}-\d{2}$/.test(text)
    ? Temporal.PlainDate.from(text).toZonedDateTime(timezone).toInstant()
    : Temporal.Instant.from(text)
}

function readTime(option: string, value: string, timezone: string): string {
  try {
    return readInstant(value, timezone).toString()
  } catch (cause) {
    throw new ClientError(
      `--${option} ${value} is not a valid time in the timezone ${timezone}. Give a date such as 2026-09-01, or an instant such as 2026-09-01T00:00:00Z.`,
      { cause },
    )
  }
}

function previousMonth(timezone: string, now: Date): { interval_start: string; interval_end: string } {
  const today = Temporal.Instant.fromEpochMilliseconds(now.getTime()).toZonedDateTimeISO(timezone)
  const thisMonth = today.toPlainDate().with({ day: 1 })
  const startOfMonth = (day: Temporal.PlainDate) => day.toZonedDateTime(timezone).toInstant().toString()
  return {
    interval_start: startOfMonth(thisMonth.subtract({ months: 1 })),
    interval_end: startOfMonth(thisMonth),
  }
}

function checkTimezone(name: string): void {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name)
  } catch (cause) {
    throw new ClientError(
      `--timezone ${name} is not a valid timezone. Give an IANA name such as Europe/Berlin.`,
      { cause },
    )
  }
}

function readInterval(
  { from, to, timezone = 'Etc/UTC' }: ParameterOptions,
  now: Date,
): Record<string, string> {
  checkTimezone(timezone)
  if (from === undefined && to === undefined) return previousMonth(timezone, now)
  return {
    ...(from !== undefined && { interval_start: readTime('from', from, timezone) }),
    ...(to !== undefined && { interval_end: readTime('to', to, timezone) }),
  }
}

function split(list: string): string[] {
  return list.split(',').map((item) => item.trim())
}

function readSetting(setting: string, types: readonly ReportParameter[]): [string, string | string[]] {
  const [, name = '', value = ''] = /^([^=]+)=(.*)$/s.exec(setting) ?? []
  if (!name) throw new ClientError(`--set ${setting} must have the form name=value.`)
  const isList = types.some((type) => type.name === name && type.isList)
  return [name, isList ? split(value) : value]
}
