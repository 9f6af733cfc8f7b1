import { emptyBatch, type LedgerBatch } from '../rows.ts'
import { balanceHistory } from './balance-history.ts'
import { type Columns, createColumns } from './columns.ts'
import type { PartialSpan } from './coverage.ts'
import { type CsvLine, readCsv } from './csv.ts'
import type { ExportKind, LineReader } from './export-kind.ts'
import { BadCell, BadExport } from './import-errors.ts'
import { itemizedTransactions } from './itemized.ts'
import { openText } from './open-text.ts'
import { itemizedPayouts } from './payouts.ts'
import type { BadLine } from './rejected-lines.ts'

/** The supported exports. Headers match only one of them, except for headers of payouts, which must be first. */
const exportKinds: readonly ExportKind[] = [itemizedPayouts, itemizedTransactions, balanceHistory]

export type OpenExport = Awaited<ReturnType<typeof openExport>>

/**
 * Opens an export of the Stripe Dashboard or the reporting API.
 *
 * @param timezone IANA name of the timezone of the local times in the export
 * @throws BadExport when the file cannot be read or is not a supported export; `parts` throws it for errors found later
 */
export async function openExport(path: string, timezone: string) {
  const text = await openText(path)
  const csv = readCsv(text.parts)
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  const onTime = (at: number) => {
    if (at < first) first = at
    if (at > last) last = at
  }
  try {
    const { value } = await csv.next()
    const [header, ...lines] = value ?? []
    if (!header) throw new BadExport('it is empty')
    const columns = createColumns(header.cells, timezone)
    const kind = recognizeExport(columns)
    const reader = kind.open(columns)
    async function* readParts(): AsyncGenerator<ReturnType<typeof readPart>> {
      yield readPart(lines, reader, onTime)
      for await (const part of csv) yield readPart(part, reader, onTime)
    }
    return {
      kind,
      header: header.cells,
      /** Columns whose times were read in the timezone. */
      localTimes: columns.localTimes,
      /** Can be iterated once. */
      parts: readParts(),
      /** Returns the times of the earliest and the latest row read so far. */
      rowSpan: (): PartialSpan =>
        first > last ? { from: null, until: null } : { from: new Date(first), until: new Date(last) },
      /** Returns the sides of the ledger that the rows read so far complete. */
      sides: reader.sides,
      payoutsKnown: reader.payoutsKnown,
      /** Returns the percentage of the file's bytes read so far, from 0 to 100. */
      percentRead: () => (text.bytesRead() / text.byteSize) * 100,
      /** Modification time of the file. */
      writtenAt: text.writtenAt,
    }
  } catch (error) {
    // Closes the file.
    await csv.return(undefined)
    throw error
  }
}

/**
 * @throws BadExport when the header matches no export. The message names the most similar export and its missing
 * columns.
 */
function recognizeExport(columns: Columns): ExportKind {
  const candidates = exportKinds.map((kind) => ({
    kind,
    missing: kind.requiredColumns.filter((names) => !names.some(columns.has)),
  }))
  const [nearest] = candidates.toSorted((a, b) => a.missing.length - b.missing.length)
  if (nearest?.missing.length === 0) return nearest.kind
  const missing = nearest?.missing.map((names) => names.join(' or ')).join(', ')
  throw new BadExport(
    `its columns do not match a supported export. The most similar one is the ${nearest?.kind.title}, which also has ${missing}`,
  )
}

/** Converts some thousand lines into rows and rejected lines. */
function readPart(lines: readonly CsvLine[], reader: LineReader, onTime: (at: number) => void) {
  const batch: LedgerBatch = emptyBatch()
  const badLines: BadLine[] = []
  for (const { number, cells, fault } of lines) {
    try {
      if (fault !== null) throw new BadCell(fault)
      onTime(reader.read(cells, batch).getTime())
    } catch (error) {
      if (!(error instanceof BadCell)) throw error
      badLines.push({ number, cells, error })
    }
  }
  return { batch, badLines }
}
