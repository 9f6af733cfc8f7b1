import { Temporal } from 'temporal-polyfill'
import { type Sql, sql } from './sql.ts'

/** Names that JavaScript accepts and the IANA database of Postgres lacks. */
const withdrawn = /^(?:systemv\/.*|us\/pacific-new|canada\/east-saskatchewan)$/i

/**
 * Reads the IANA name of a timezone, in any case. Links such as US/Pacific are valid.
 *
 * @returns the name in IANA's case; null when it is not valid. Offsets such as "+01:00" are not valid, because Postgres
 *   would read them with the opposite sign. Abbreviations such as IST are not valid either.
 */
export function readTimezone(name: string): string | null {
  if (withdrawn.test(name)) return null
  try {
    const { timeZoneId } = Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name)
    // Temporal also accepts offsets, and dates with a zone.
    return /^[a-z]/i.test(name) && timeZoneId.toLowerCase() === name.toLowerCase() ? timeZoneId : null
  } catch {
    return null
  }
}

/** Names that Postgres reads as abbreviations with a fixed offset, and the IANA zones that they link to. */
const sameZones: Readonly<Record<string, string>> = {
  CET: 'Europe/Brussels',
  EET: 'Europe/Athens',
  EST: 'America/Panama',
  HST: 'Pacific/Honolulu',
  MET: 'Europe/Brussels',
  MST: 'America/Phoenix',
  WET: 'Europe/Lisbon',
}

/** The name that Postgres has for a timezone returned by `readTimezone`. */
export function postgresZone(timezone: string): string {
  return sameZones[timezone] ?? timezone
}

/** The local time of an instant in a timezone returned by `readTimezone`, as a timestamp without time zone. */
export function clockTime(instant: Sql, timezone: string): Sql {
  return sql`((${instant}) at time zone ${postgresZone(timezone)})`
}
