import type { LedgerSide } from '../coverage.ts'
import type { LedgerBalanceTransaction, LedgerBatch } from '../rows.ts'
import type { Columns, Line } from './columns.ts'

/** Converts the lines of one file into rows. */
export type LineReader = {
  /**
   * Adds the rows of a line to the batch, and returns the time by which the export selected the line. When it throws
   * BadCell, it has added nothing.
   */
  read(line: Line, batch: LedgerBatch): Date
  /** False when the export has rows that a payout can sweep, and no column that names this payout. */
  payoutsKnown: boolean
  /** Returns false when the lines read so far can be a part of such an export, or another one with its columns. */
  isWhole(): boolean
}

/** A kind of export. It is recognized by the columns of its header. */
export type ExportKind = {
  /** The name for messages, for example "balance history". */
  title: string
  /** The required columns, each with its alternative names. */
  requiredColumns: readonly (readonly string[])[]
  /** Fields of balance transactions that are not in the export and that the reader assumes; see `mergeLedger`. */
  assumed: readonly (keyof LedgerBalanceTransaction)[]
  /** The sides of the ledger that a whole export completes. */
  sides: readonly LedgerSide[]
  open(columns: Columns): LineReader
}
