import type pg from 'pg'
import { Temporal } from 'temporal-polyfill'
import { inTransaction } from '../../postgres/client.ts'
import type { Tenant } from '../../tenant.ts'
import { earlier, extendCoverage, type LedgerSide, lockLedger, type Span } from '../coverage.ts'

/** A span of which one end, or both, may be unknown. */
export type PartialSpan = { from: Date | null; until: Date | null }

/** What a file covers. */
export type FileCoverage = {
  /** Null when it covers no whole day, or nothing is known of it. */
  span: Span | null
  /** Which sides of the ledger the file completes in that span: none when lines were rejected. */
  sides: readonly LedgerSide[]
  /** The file with the rejected lines; null when there are none. */
  rejectedPath: string | null
}

/**
 * Extends a ledger's coverage by what files complete together, when all of them have been imported as parts. Lines that
 * one of them lacks leave a hole in what all declare, so nothing is covered then.
 *
 * @returns false when nothing is covered
 * @throws InputError when a gap would lie between the files and what is covered
 */
export async function coverTogether(
  client: pg.ClientBase,
  tenant: Tenant,
  files: readonly FileCoverage[],
): Promise<boolean> {
  if (files.some(({ rejectedPath }) => rejectedPath !== null)) return false
  return inTransaction(client, async () => {
    await lockLedger(client, tenant)
    let isCovered = false
    for (const { span, sides } of files) {
      if (!span || sides.length === 0) continue
      await extendCoverage(client, tenant, span, sides)
      isCovered = true
    }
    return isCovered
  })
}

/**
 * The span that an export covers completely: as it was declared, otherwise whole days of its timezone, from that of its first
 * row to that of its last. The day on which the file was written is not over in it, so it does not count.
 *
 * @param rows times of the first and the last row
 * @returns null when no day is complete
 */
export function coveredSpan(
  rows: PartialSpan,
  declared: PartialSpan,
  { timezone, writtenAt }: { timezone: string; writtenAt: Date },
): Span | null {
  const from = declared.from ?? (rows.from && startOfDay(rows.from, timezone))
  const until =
    declared.until ??
    (rows.until && earlier(startOfDay(rows.until, timezone, 1), startOfDay(writtenAt, timezone)))
  return from && until && from < until ? { from, until } : null
}

function startOfDay(at: Date, timezone: string, daysLater = 0): Date {
  const day = Temporal.Instant.fromEpochMilliseconds(at.getTime()).toZonedDateTimeISO(timezone).toPlainDate()
  return new Date(day.add({ days: daysLater }).toZonedDateTime(timezone).epochMilliseconds)
}
