import { Temporal } from 'temporal-polyfill'
import { type Sql, sql } from './sql.ts'

/** Names that JavaScript still knows, and the IANA database that Postgres has does not. */
const withdrawn = /^(?:systemv\/.*|us\/pacific-new|canada\/east-saskatchewan)$/i

/**
 * Reads the IANA name of a timezone, links such as US/Pacific included, in whatever case.
 *
 * @returns the name in the case that IANA gives it; null when there is no such name. Offsets such as "+01:00" are
 *   none (Postgres would read them with the opposite sign), nor are abbreviations such as IST.
 */
export function readTimezone(name: string): string | null {
  if (withdrawn.test(name)) return null
  try {
    const { timeZoneId } = Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name)
    // Temporal also takes whole dates that name a zone, and offsets.
    return /^[a-z]/i.test(name) && timeZoneId.toLowerCase() === name.toLowerCase() ? timeZoneId : null
  } catch {
    return null
  }
}

/** Zones whose names Postgres takes for abbreviations of one fixed offset; to IANA they are links to these. */
const sameZones: Readonly<Record<string, string>> = {
  CET: 'Europe/Brussels',
  EET: 'Europe/Athens',
  EST: 'America/Panama',
  HST: 'Pacific/Honolulu',
  MET: 'Europe/Brussels',
  MST: 'America/Phoenix',
  WET: 'Europe/Lisbon',
}

/** The name under which Postgres knows a timezone that `readTimezone` gave. */
export function postgresZone(timezone: string): string {
  return sameZones[timezone] ?? timezone
}

/** What clocks in a timezone (a name that `readTimezone` gave) show at an instant. */
export function clockTime(instant: Sql, timezone: string): Sql {
  return sql`((${instant}) at time zone ${postgresZone(timezone)})`
}
