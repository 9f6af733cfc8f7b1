import { BadExport } from './bad-export.ts'
import { balanceHistory } from './balance-history.ts'
import type { ExportKind } from './export-kind.ts'
import { itemizedTransactions } from './itemized.ts'
import { itemizedPayouts } from './payouts.ts'

/** The kinds that can be read; the first whose columns are all there is the one. */
export const exportKinds: readonly ExportKind[] = [itemizedPayouts, itemizedTransactions, balanceHistory]

const missing = (kind: ExportKind, names: ReadonlySet<string>): string[] =>
  kind.needs.filter((need) => !need.some((name) => names.has(name))).map((need) => need.join(' or '))

/**
 * The kind of an export, told by its header.
 *
 * @throws BadExport when it is none, with what the nearest one lacks
 */
export const recognizeExport = (header: readonly string[]): ExportKind => {
  const names = new Set(header.map((name) => name.trim().toLowerCase()))
  const known = exportKinds.find((kind) => missing(kind, names).length === 0)
  if (known) return known
  const lacks = exportKinds.map(
    (kind) => `an export of the ${kind.title} lacks ${missing(kind, names).join(', ')}`,
  )
  throw new BadExport(`its columns are those of no export that can be imported: as ${lacks.join('; as ')}`)
}
