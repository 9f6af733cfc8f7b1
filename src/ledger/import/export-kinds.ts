import { BadExport } from './bad-export.ts'
import { balanceHistory } from './balance-history.ts'
import type { ExportKind } from './export-kind.ts'
import { itemizedTransactions } from './itemized.ts'
import { itemizedPayouts } from './payouts.ts'

/** The kinds that can be read. No header has the columns of two of them but one of payouts, which goes first. */
const exportKinds: readonly ExportKind[] = [itemizedPayouts, itemizedTransactions, balanceHistory]

/**
 * The kind of an export, told by its header.
 *
 * @throws BadExport when it is none, with what the nearest one lacks
 */
export function recognizeExport(header: readonly string[]): ExportKind {
  const names = new Set(header.map((name) => name.trim().toLowerCase()))
  const candidates = exportKinds.map((kind) => ({ kind, lacks: missing(kind, names) }))
  const [nearest] = candidates.toSorted((a, b) => a.lacks.length - b.lacks.length)
  if (nearest?.lacks.length === 0) return nearest.kind
  throw new BadExport(
    `its columns are those of no export that can be imported; the nearest is the ${nearest?.kind.title}, which has also ${nearest?.lacks.join(', ')}`,
  )
}

function missing(kind: ExportKind, names: ReadonlySet<string>): string[] {
  return kind.needs.filter((need) => !need.some((name) => names.has(name))).map((need) => need.join(' or '))
}
