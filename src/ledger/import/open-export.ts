import type { LedgerSide } from '../coverage.ts'
import { emptyBatch, type LedgerBatch } from '../rows.ts'
import { BadCell } from './bad-cell.ts'
import { BadExport } from './bad-export.ts'
import { type BadLine, badLine } from './bad-lines.ts'
import { createColumns } from './columns.ts'
import type { PartialSpan } from './covered-span.ts'
import { type CsvLine, readCsv } from './csv.ts'
import type { ExportKind, LineReader } from './export-kind.ts'
import { recognizeExport } from './export-kinds.ts'
import { openText } from './open-text.ts'

/** Some thousand lines of an export: what they say, and those that cannot be read. */
export type ExportPart = {
  batch: LedgerBatch
  badLines: { line: CsvLine; problem: BadLine }[]
}

export type OpenExport = {
  kind: ExportKind
  header: readonly string[]
  /** Columns whose times were read in the timezone. */
  localTimes: readonly string[]
  /** They can be gone through once. */
  parts: AsyncIterable<ExportPart>
  /** Times of the first and the last row that were read so far. */
  rowSpan(): PartialSpan
  /** Which sides of the ledger the rows read so far tell completely. */
  sides(): readonly LedgerSide[]
  /** 0 to 100, of the file's bytes. */
  percentRead(): number
  /** When the file was last written to. */
  writtenAt: Date
}

/**
 * Opens a file that the Stripe Dashboard or its reporting API has exported.
 *
 * @param timezone IANA name of the timezone that its local times are in
 * @throws BadExport when it cannot be read or is no export of a known kind; `parts` throws it for what is found later
 */
export async function openExport(path: string, timezone: string): Promise<OpenExport> {
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
    const kind = recognizeExport(header.cells)
    const columns = createColumns(header.cells, timezone)
    const reader = kind.open(columns)
    return {
      kind,
      header: header.cells,
      localTimes: columns.localTimes(),
      parts: (async function* () {
        yield readPart(lines, reader, onTime)
        for await (const part of csv) yield readPart(part, reader, onTime)
      })(),
      rowSpan: () =>
        first > last ? { from: null, until: null } : { from: new Date(first), until: new Date(last) },
      sides: reader.sides,
      percentRead: () => (text.bytesRead() / text.byteSize) * 100,
      writtenAt: text.writtenAt,
    }
  } catch (error) {
    // Closes the file.
    await csv.return(undefined)
    throw error
  }
}

function readPart(lines: readonly CsvLine[], reader: LineReader, onTime: (at: number) => void): ExportPart {
  const batch: LedgerBatch = emptyBatch()
  const badLines: ExportPart['badLines'] = []
  for (const line of lines) {
    if (line.fault !== null) {
      badLines.push({ line, problem: badLine(line, line.fault) })
      continue
    }
    try {
      onTime(reader.read(line.cells, batch).getTime())
    } catch (error) {
      if (!(error instanceof BadCell)) throw error
      badLines.push({ line, problem: badLine(line, error) })
    }
  }
  return { batch, badLines }
}
