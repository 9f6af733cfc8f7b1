import { Temporal } from 'temporal-polyfill'
import { ConfigurationError } from '../../errors.ts'

/** @throws ConfigurationError when it is no IANA name */
export function readTimezone(name: string): string {
  try {
    return Temporal.Now.zonedDateTimeISO(name).timeZoneId
  } catch {
    throw new ConfigurationError(`--timezone ${name} is no IANA name, such as Europe/Berlin.`)
  }
}

/**
 * Reads the value of an option: a date, which means its midnight in the timezone, or an instant.
 *
 * @throws ConfigurationError when it is neither
 */
export function readTime(option: string, text: string | undefined, timezone: string): Date | null {
  if (text === undefined) return null
  try {
    const instant = /^\d{4}-\d\d-\d\d$/.test(text)
      ? Temporal.PlainDate.from(text).toZonedDateTime(timezone)
      : Temporal.Instant.from(text)
    return new Date(instant.epochMilliseconds)
  } catch {
    throw new ConfigurationError(
      `--${option} ${text} is neither a date, such as 2026-09-01, nor an instant, such as 2026-09-01T00:00:00Z.`,
    )
  }
}
