import { balanceHistory } from './balance-history.ts'
import type { Columns, Line } from './columns.ts'
import type { ExportKind } from './export-kind.ts'
import { BadExport } from './import-errors.ts'
import { itemizedTransactions } from './itemized.ts'
import { type OtherFile, otherFileOf } from './other-files.ts'
import { itemizedPayouts } from './payouts.ts'

/** The supported exports. Headers match only one of them, except for headers of payouts, which must be first. */
const exportKinds: readonly ExportKind[] = [itemizedPayouts, itemizedTransactions, balanceHistory]

const supported =
  'this command reads the balance history and the itemized reports of balance change from activity, payouts and payout reconciliation'
const instead =
  'export the balance history ("All activity" on the balance page of the Dashboard) with all columns'

/** Maximum number of column names in a message. */
const maxNames = 6

/**
 * Recognizes an export by its header.
 *
 * @param first the first line after the header, whose id shows what a list contains; null when there is none
 * @throws BadExport when the file is not a supported export. The message says what the file is, what is supported, and
 * what to export instead
 */
export function recognizeExport(header: readonly string[], columns: Columns, first: Line | null): ExportKind {
  const other = otherFileOf(header, columns, first)
  if (other) throw new BadExport(sentenceOf(other))
  const candidates = exportKinds.map((kind) => ({
    kind,
    missing: kind.requiredColumns.filter((names) => !names.some(columns.has)),
  }))
  const [nearest] = candidates.toSorted((a, b) => a.missing.length - b.missing.length)
  if (nearest?.missing.length === 0) return nearest.kind
  throw new BadExport(`${unknownHeader(header, nearest)}, but ${supported}: ${instead}`)
}

function sentenceOf({ title, advice }: OtherFile): string {
  return `it is ${title}, but ${supported}: ${advice ?? instead}`
}

function unknownHeader(
  header: readonly string[],
  nearest: { kind: ExportKind; missing: ExportKind['requiredColumns'] } | undefined,
): string {
  if (nearest && nearest.missing.length <= 2) {
    const missing = nearest.missing.map((names) => names.join(' or ')).join(', ')
    return `it resembles an export of the ${nearest.kind.title} and lacks the columns ${missing}`
  }
  const names = header.map((name) => name.trim()).filter((name) => name !== '')
  const shown = names.slice(0, maxNames).map((name) => JSON.stringify(name.slice(0, 40)))
  const list = names.length > maxNames ? [...shown, '…'] : shown
  return `its first line has the columns ${list.join(', ')}, which are not those of a supported export in English`
}
