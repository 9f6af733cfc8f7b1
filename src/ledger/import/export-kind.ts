import type { LedgerSide } from '../coverage.ts'
import type { LedgerBalanceTransaction, LedgerBatch } from '../rows.ts'
import type { Columns, Line } from './columns.ts'

/** Turns the lines of one file into rows. */
export type LineReader = {
  /**
   * Puts what a line says into the batch, and returns the time by which the export chose it. Throws BadCell, and has then
   * put nothing there.
   */
  read(line: Line, batch: LedgerBatch): Date
  /** Which sides of the ledger the lines read so far complete. */
  sides(): readonly LedgerSide[]
}

/** A kind of export, recognized by the columns of its header. */
export type ExportKind = {
  /** As people call it: "balance history". */
  title: string
  /** The columns that it has to have, each by its names: the first, or another one that says the same. */
  needs: readonly (readonly string[])[]
  /** Fields of balance transactions that it does not know and this reader assumes, see `mergeLedger`. */
  assumed: readonly (keyof LedgerBalanceTransaction)[]
  open(columns: Columns): LineReader
}
