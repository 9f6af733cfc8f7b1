import { InputError } from '../../errors.ts'
import type { ReportFile } from '../../postgres/generated/prisma/client.ts'
import type { Storage } from '../storage.ts'
import { readParquetRows } from './parquet-rows.ts'
import { NoRowError, type Row, type RowPosition, type RowReader } from './row-reader.ts'
import { readCsvRows, readJsonlRows } from './text-rows.ts'

export const maxRows = 500

export type RowPage = {
  rows: Row[]
  /** Null when there are no rows on the page. */
  endCursor: string | null
  hasMore: boolean
}

/**
 * Reads a page of rows from one of a run's files, and no more of it than has to be.
 *
 * @param after where an earlier page ended; null begins at the start
 * @param rowCount rows of the file
 * @param signal ends the reading
 * @returns null when the files have been deleted
 * @throws InputError that names the argument at fault
 * @throws StorageError when the store fails
 */
export async function readRows(
  storage: Storage,
  files: readonly ReportFile[],
  { first, after }: { first: number; after: string | null },
  rowCount: number,
  signal: AbortSignal,
): Promise<RowPage | null> {
  if (first < 1 || first > maxRows) {
    throw new InputError(`first is ${first}; it has to be from 1 to ${maxRows}.`, ['first'])
  }
  const [chosen] = readers.flatMap(({ format, read }) =>
    files.filter((file) => file.format === format).map((file) => ({ file, read })),
  )
  if (!chosen) return null
  const { file, read } = chosen
  const position = after === null ? { row: 0, offset: 0 } : decodeCursor(file.id, after)
  if (!position || position.row > rowCount) throw noCursor(after)
  try {
    const found = await read({ storage, file, signal }, position, first)
    if (!found) return null
    const { rows, end } = found
    const endCursor = rows.length > 0 ? encodeCursor(file.id, end) : null
    return { rows, endCursor, hasMore: rows.length > 0 && end.row < rowCount }
  } catch (error) {
    signal.throwIfAborted()
    // Only a cursor that this gateway did not give leads to where no row begins.
    throw error instanceof NoRowError && after !== null ? noCursor(after) : error
  }
}

/** Of a run with several files, the first of these is read. */
const readers: readonly { format: ReportFile['format']; read: RowReader }[] = [
  { format: 'CSV', read: readCsvRows },
  { format: 'JSONL', read: readJsonlRows },
  { format: 'PARQUET', read: readParquetRows },
]

/** The position as clients hold it. It names its file, so that a cursor is never taken for one of another. */
function encodeCursor(fileId: string, { row, offset }: RowPosition): string {
  return Buffer.from(`${fileId}:${row}:${offset}`).toString('base64url')
}

/** Null when it is no cursor of this file. */
function decodeCursor(fileId: string, cursor: string): RowPosition | null {
  const text = Buffer.from(cursor, 'base64url').toString('utf8')
  const [, id, row, offset] = /^([a-z0-9_]+):(\d{1,15}):(\d{1,15})$/.exec(text) ?? []
  return id === fileId ? { row: Number(row), offset: Number(offset) } : null
}

function noCursor(after: string | null): InputError {
  return new InputError(
    `${JSON.stringify(after)} is no cursor of this file. Pass an endCursor that its rows gave.`,
    ['after'],
  )
}
