import type { ReportFile } from '../../postgres/generated/prisma/client.ts'
import type { Storage } from '../storage.ts'

/** Values as text, in the order of the columns; null for a SQL null. */
export type Row = (string | null)[]

/** A position between two rows of a file. */
export type RowPosition = {
  /** Number of rows before the position. */
  row: number
  /** Number of bytes before the position in the decompressed content; 0 in formats that locate rows by number. */
  offset: number
}

/** A stored file whose rows are read. */
export type RowSource = {
  storage: Storage
  file: ReportFile
  /** Stops the read. */
  signal: AbortSignal
}

/** A row, and the position after it. */
export type ReadRow = { row: Row; end: RowPosition }

/**
 * Reads up to `count` rows after a position; returns null when the file has been deleted.
 *
 * @throws NoRowError when no row begins at the position
 * @throws StorageError when the store fails
 */
export type RowReader = (source: RowSource, position: RowPosition, count: number) => Promise<ReadRow[] | null>

/** No row begins at the given position. */
export class NoRowError extends Error {
  override readonly name = 'NoRowError'
}
