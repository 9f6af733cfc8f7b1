import type pg from 'pg'
import { Temporal } from 'temporal-polyfill'
import { inTransaction } from '../../postgres/client.ts'
import type { Tenant } from '../../tenant.ts'
import { earlier, extendCoverage, type LedgerSide, lockLedger, type Span } from '../coverage.ts'
import { BadExport } from './import-errors.ts'

/** A span whose start or end can be unknown. */
export type PartialSpan = { from: Date | null; until: Date | null }

/** The coverage of a file. */
export type FileCoverage = {
  /** Null when the file covers no complete day or its span is unknown. */
  span: Span | null
  /** The sides of the ledger that the file completes in the span; empty when lines were rejected. */
  sides: readonly LedgerSide[]
  /** False when the file has rows that a payout can sweep, and no column that names this payout. */
  payoutsKnown: boolean
  /** The file with the rejected lines; null when there are none. */
  rejectedPath: string | null
}

/**
 * Extends a ledger's coverage by the span that files cover together. Call it after all of them are imported as parts. A
 * rejected line in one file leaves a hole in the span of all files, so the coverage does not change then.
 *
 * @returns false when the coverage does not change
 * @throws InputError when a gap would remain between the files and the coverage
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
    for (const { span, sides, payoutsKnown } of files) {
      if (!span || sides.length === 0) continue
      await extendCoverage(client, tenant, span, sides, payoutsKnown)
      isCovered = true
    }
    return isCovered
  })
}

/**
 * Checks that a declared span has a row of the export: otherwise it declares the time of another file.
 *
 * @param rows times of the first and the last row; null without rows
 * @throws BadExport when all rows are outside
 */
export function checkDeclaration(rows: PartialSpan, declared: PartialSpan): void {
  const isBefore = rows.until && declared.from && rows.until < declared.from
  const isAfter = rows.from && declared.until && rows.from >= declared.until
  if (!(isBefore || isAfter)) return
  const times = [rows.from, rows.until].map((time) => time?.toISOString().replace('.000Z', 'Z'))
  throw new BadExport(
    `its rows are from ${times.join(' to ')}, outside the time that --from and --until declare: give the time that the file covers`,
  )
}

/**
 * Returns the span that an export covers completely: the declared span, or the days from the first to the last row in the
 * export's timezone. The day on which the file was written does not count, because it was not over.
 *
 * @param rows times of the first and the last row
 * @returns null when the export covers no complete day
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
