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

/** The kinds that can be read. No header has the columns of two of them but one of payouts, which goes first. */
const exportKinds: readonly ExportKind[] = [itemizedPayouts, itemizedTransactions, balanceHistory]

export type OpenExport = Awaited<ReturnType<typeof openExport>>

/**
 * Opens a file that the Stripe Dashboard or its reporting API has exported.
 *
 * @param timezone IANA name of the timezone that its local times are in
 * @throws BadExport when it cannot be read or is no export of a known kind; `parts` throws it for what is found later
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
      /** They can be gone through once. */
      parts: readParts(),
      /** Times of the first and the last row that were read so far. */
      rowSpan: (): PartialSpan =>
        first > last ? { from: null, until: null } : { from: new Date(first), until: new Date(last) },
      /** Which sides of the ledger the rows read so far complete. */
      sides: reader.sides,
      /** 0 to 100, of the file's bytes. */
      percentRead: () => (text.bytesRead() / text.byteSize) * 100,
      /** When the file was last written to. */
      writtenAt: text.writtenAt,
    }
  } catch (error) {
    // Closes the file.
    await csv.return(undefined)
    throw error
  }
}

/** @throws BadExport when the header is of no kind, with what the nearest one lacks */
function recognizeExport(columns: Columns): ExportKind {
  const candidates = exportKinds.map((kind) => ({
    kind,
    lacks: kind.needs.filter((need) => !need.some(columns.has)),
  }))
  const [nearest] = candidates.toSorted((a, b) => a.lacks.length - b.lacks.length)
  if (nearest?.lacks.length === 0) return nearest.kind
  const lacks = nearest?.lacks.map((need) => need.join(' or ')).join(', ')
  throw new BadExport(
    `its columns are those of no export that can be imported; the nearest is the ${nearest?.kind.title}, which has also ${lacks}`,
  )
}

/** What some thousand lines say, and those of them that cannot be read. */
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
