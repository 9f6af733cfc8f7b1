import type { ReportFile } from '../../postgres/generated/prisma/client.ts'
import type { Storage } from '../storage.ts'

/** Values as text, in the order of the columns; null is SQL's null. */
export type Row = (string | null)[]

/** A place between two rows of a file. */
export type RowPosition = {
  /** Rows before it. */
  row: number
  /** Bytes before it, of the unpacked content; 0 in formats that find rows by their number. */
  offset: number
}

/** A stored file, as it is read for its rows. */
export type RowSource = {
  storage: Storage
  file: ReportFile
  /** Ends the reading. */
  signal: AbortSignal
}

/** A row, and the position after it. */
export type ReadRow = { row: Row; end: RowPosition }

/**
 * Reads up to `count` rows from a position on; returns null when the file has been deleted.
 *
 * @throws NoRowError when no row begins at the position
 * @throws StorageError when the store fails
 */
export type RowReader = (source: RowSource, position: RowPosition, count: number) => Promise<ReadRow[] | null>

/** No row begins where it was said that one does. */
export class NoRowError extends Error {
  override readonly name = 'NoRowError'
}
