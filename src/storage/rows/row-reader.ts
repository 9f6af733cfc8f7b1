import type { Compression } from '../../postgres/generated/prisma/client.ts'
import type { Storage } from '../storage.ts'

/** Values as text, in the order of the columns; null is SQL's null. */
export type Row = (string | null)[]

/** How far in a file a page begins or ends. */
export type RowPlace = {
  /** Rows before it. */
  row: number
  /** Bytes before it, of the unpacked content; 0 in formats that find rows by their number. */
  offset: number
}

export const firstPlace: RowPlace = { row: 0, offset: 0 }

/** A stored file, as it is read for its rows. */
export type RowSource = {
  storage: Storage
  key: string
  compression: Compression
  /** As stored. */
  byteSize: number
  /** Ends the reading. */
  signal: AbortSignal
}

/** Rows, and the place behind the last of them. */
export type RowsRead = { rows: Row[]; end: RowPlace }

/**
 * Reads up to `count` rows from a place on; null when the file has been erased.
 *
 * @throws NoRowError when no row begins at the place
 * @throws StorageError when the store fails
 */
export type RowReader = (source: RowSource, place: RowPlace, count: number) => Promise<RowsRead | null>

/** No row begins where it was said that one does. */
export class NoRowError extends Error {
  override readonly name = 'NoRowError'
}
