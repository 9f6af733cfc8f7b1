import { Temporal } from 'temporal-polyfill'
import { ClientError } from './client-error.ts'
import type { ReportParameter } from './report-run.ts'

/** What was typed on the command line. */
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
 * The parameters to send. Whether they are good is for the gateway to say; only dates are worked out here, and the
 * previous month is asked for when no time was given and the report takes one.
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
  const isAsked = from !== undefined || to !== undefined
  const interval = Object.entries(readInterval(options, now)).filter(
    ([name]) => isAsked || types.some((type) => type.name === name),
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
 * A date as its midnight in the timezone, an instant as it is.
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
      `--${option} ${value} cannot be read in the timezone ${timezone}. Give a date such as 2026-09-01, or an instant such as 2026-09-01T00:00:00Z.`,
      { cause },
    )
  }
}

function previousMonth(timezone: string, now: Date): { interval_start: string; interval_end: string } {
  try {
    const today = Temporal.Instant.fromEpochMilliseconds(now.getTime()).toZonedDateTimeISO(timezone)
    const thisMonth = today.toPlainDate().with({ day: 1 })
    const startOfMonth = (day: Temporal.PlainDate) => day.toZonedDateTime(timezone).toInstant().toString()
    return {
      interval_start: startOfMonth(thisMonth.subtract({ months: 1 })),
      interval_end: startOfMonth(thisMonth),
    }
  } catch (cause) {
    throw new ClientError(`--timezone ${timezone} is unknown. Give an IANA name such as Europe/Berlin.`, {
      cause,
    })
  }
}

function readInterval(
  { from, to, timezone = 'Etc/UTC' }: ParameterOptions,
  now: Date,
): Record<string, string> {
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
  if (!name) throw new ClientError(`--set ${setting} is not of the form name=value.`)
  const isList = types.some((type) => type.name === name && type.isList)
  return [name, isList ? split(value) : value]
}
