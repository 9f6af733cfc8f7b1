import { InputError } from '../../errors.ts'
import type { ReportFile } from '../../postgres/generated/prisma/client.ts'
import type { Storage } from '../storage.ts'
import { NoRowError, type Row, type RowPosition, type RowReader } from './row-reader.ts'

export type RowPage = {
  rows: Row[]
  /** The cursor of the first row; null when the page is empty. */
  startCursor: string | null
  /** The cursor of the last row; null when the page is empty. */
  endCursor: string | null
  hasNextPage: boolean
  hasPreviousPage: boolean
}

/**
 * Reads a page of rows from one of the files of a run, and as little else of the file as possible.
 *
 * @param first the maximum number of rows
 * @param after the cursor of the row before the page; null for the start of the file
 * @param rowCount number of rows in the file
 * @param signal stops the read
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
  const [chosen] = readers.flatMap(({ format, load }) =>
    files.filter((file) => file.format === format).map((file) => ({ file, load })),
  )
  if (!chosen) return null
  const { file, load } = chosen
  const position = after === null ? { row: 0, offset: 0 } : decodeCursor(file.id, after)
  if (!position || position.row > rowCount) throw noCursor(after)
  try {
    const read = await load()
    const found = await read({ storage, file, signal }, position, first)
    if (!found) return null
    const [start, end] = [found[0]?.end, found.at(-1)?.end]
    return {
      rows: found.map(({ row }) => row),
      startCursor: start ? encodeCursor(file.id, start) : null,
      endCursor: end ? encodeCursor(file.id, end) : null,
      hasNextPage: end !== undefined && end.row < rowCount,
      hasPreviousPage: position.row > 0,
    }
  } catch (error) {
    signal.throwIfAborted()
    // A cursor to a position where no row begins was not returned by this gateway.
    throw error instanceof NoRowError && after !== null ? noCursor(after) : error
  }
}

/** The file of the first of these formats is read. The parsers are loaded on first use. */
const readers: readonly { format: ReportFile['format']; load: () => Promise<RowReader> }[] = [
  { format: 'CSV', load: async () => (await import('./text-rows.ts')).readCsvRows },
  { format: 'JSONL', load: async () => (await import('./text-rows.ts')).readJsonlRows },
  { format: 'PARQUET', load: async () => (await import('./parquet-rows.ts')).readParquetRows },
]

/** Encodes a position for clients. The cursor names its file, so that it is never accepted for another one. */
function encodeCursor(fileId: string, { row, offset }: RowPosition): string {
  return Buffer.from(`${fileId}:${row}:${offset}`).toString('base64url')
}

/** Decodes a cursor; null when it is not a cursor of this file. */
function decodeCursor(fileId: string, cursor: string): RowPosition | null {
  const text = Buffer.from(cursor, 'base64url').toString('utf8')
  const [, id, row, offset] = /^([a-z0-9_]+):(\d{1,15}):(\d{1,15})$/.exec(text) ?? []
  return id === fileId ? { row: Number(row), offset: Number(offset) } : null
}

function noCursor(after: string | null): InputError {
  return new InputError(
    `${JSON.stringify(after)} is not a cursor of this file. Pass a cursor that the rows of this result returned.`,
    ['after'],
  )
}
