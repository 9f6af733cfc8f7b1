import { emptyBatch, type LedgerBatch } from '../rows.ts'
import { type Columns, createColumns } from './columns.ts'
import type { PartialSpan } from './coverage.ts'
import { type CsvLine, readCsv } from './csv.ts'
import type { LineReader } from './export-kind.ts'
import { BadCell, BadExport } from './import-errors.ts'
import { openText } from './open-text.ts'
import { recognizeExport } from './recognize-export.ts'
import type { BadLine } from './rejected-lines.ts'

export type OpenExport = Awaited<ReturnType<typeof openExport>>

/**
 * Opens an export of the Stripe Dashboard or the reporting API.
 *
 * @param timezone IANA name of the timezone of the local times in the export
 * @param livemode the mode of the ledger; lines of the other mode are rejected
 * @throws BadExport when the file cannot be read or is not a supported export; `parts` throws it for errors found later
 */
export async function openExport(path: string, timezone: string, livemode: boolean) {
  const text = await openText(path)
  const csv = readCsv(text.parts)
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  const onTime = (at: number) => {
    if (at < first) first = at
    if (at > last) last = at
  }
  try {
    const { value } = await csv.next()
    const [header, ...rest] = value ?? []
    if (!header) throw new BadExport('it is empty')
    // The first row shows what a list contains, and can be in the next part.
    const lines = rest.length > 0 ? rest : ((await csv.next()).value ?? [])
    const columns = createColumns(header.cells, timezone)
    const kind = recognizeExport(header.cells, columns, lines[0]?.cells ?? null)
    const reader = withModeCheck(kind.open(columns), columns, livemode)
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
      /** Returns false when the rows read so far can be a part of an export. */
      isWhole: reader.isWhole,
      payoutsKnown: reader.payoutsKnown,
      /** Checks that the amounts read so far are in major units; throws BadExport. */
      checkUnits: columns.checkUnits,
      /** Returns the percentage of the file's bytes read so far, from 0 to 100. */
      percentRead: () => (text.bytesRead() / text.byteSize) * 100,
      /** Modification time of the file. */
      writtenAt: text.writtenAt,
      /** Closes the file. */
      [Symbol.asyncDispose]: async () => void (await csv.return(undefined)),
    }
  } catch (error) {
    // Closes the file.
    await csv.return(undefined)
    throw error
  }
}

/** Adds a check of the mode, which some exports have. */
function withModeCheck(reader: LineReader, columns: Columns, livemode: boolean): LineReader {
  if (!columns.has('livemode')) return reader
  const isLive = columns.flag('livemode')
  const fault = livemode
    ? 'is test mode, and this ledger is live: leave --livemode out'
    : 'is live mode, and this ledger is in test mode: pass --livemode'
  return {
    ...reader,
    read: (line, batch) => {
      const given = isLive(line)
      if (given === !livemode) throw new BadCell(fault, columns.nameOf('livemode'), String(given))
      return reader.read(line, batch)
    },
  }
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
