import type { ReportFile } from '../../postgres/generated/prisma/client.ts'
import type { Storage } from '../storage.ts'

/** Values as text, in the order of the columns; null is SQL's null. */
export type Row = (string | null)[]

/** How far in a file a page begins or ends. */
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

/**
 * Reads up to `count` rows from a position on, and gives the position after the last of them; null when the file has been
 * deleted.
 *
 * @throws NoRowError when no row begins at the position
 * @throws StorageError when the store fails
 */
export type RowReader = (
  source: RowSource,
  position: RowPosition,
  count: number,
) => Promise<{ rows: Row[]; end: RowPosition } | null>

/** No row begins where it was said that one does. */
export class NoRowError extends Error {
  override readonly name = 'NoRowError'
}
