import { InputError } from '../../errors.ts'
import type { ReportFile } from '../../postgres/generated/prisma/client.ts'
import { keyOfFile } from '../file-key.ts'
import type { Storage } from '../storage.ts'
import { readCsvRows } from './csv-rows.ts'
import { readJsonlRows } from './jsonl-rows.ts'
import { readParquetRows } from './parquet-rows.ts'
import { decodeRowCursor, encodeRowCursor } from './row-cursor.ts'
import { firstPlace, NoRowError, type Row, type RowPlace, type RowReader } from './row-reader.ts'

export const mostRows = 500

/** By the format of the file; of a run with several files, the first of these is read. */
const readers: ReadonlyMap<string, RowReader> = new Map([
  ['CSV', readCsvRows],
  ['JSONL', readJsonlRows],
  ['PARQUET', readParquetRows],
])

export type RowRequest = {
  /** Rows at most. */
  first: number
  /** Where an earlier page ended; null begins at the start. */
  after: string | null
}

export type RowPage = {
  rows: Row[]
  /** Null when there are no rows on the page. */
  endCursor: string | null
  hasMore: boolean
}

/**
 * Reads a page of rows from one of a run's files, and no more of it than has to be.
 *
 * @param rowCount rows of the file
 * @param signal ends the reading
 * @returns null when the files have been erased
 * @throws InputError that names the argument at fault
 * @throws StorageError when the store fails
 */
export async function readRows(
  storage: Storage,
  files: readonly ReportFile[],
  { first, after }: RowRequest,
  rowCount: number,
  signal: AbortSignal,
): Promise<RowPage | null> {
  if (first < 1 || first > mostRows) {
    throw new InputError(`first is ${first}; it has to be from 1 to ${mostRows}.`, ['first'])
  }
  const chosen = chooseFile(files)
  if (!chosen) return null
  const { file, read } = chosen
  const { compression } = file
  const place = readPlace(file.id, after, rowCount)
  const source = { storage, key: keyOfFile(file), compression, byteSize: Number(file.byteSize), signal }
  try {
    const found = await read(source, place, first)
    if (!found) return null
    const { rows, end } = found
    const endCursor = rows.length > 0 ? encodeRowCursor(file.id, end) : null
    return { rows, endCursor, hasMore: rows.length > 0 && end.row < rowCount }
  } catch (error) {
    // Only whoever made a cursor up gets to where no row begins.
    throw error instanceof NoRowError && after !== null ? noCursor(after) : error
  }
}

function noCursor(after: string): InputError {
  return new InputError(
    `${JSON.stringify(after)} is no cursor of this file. Pass an endCursor that its rows gave.`,
    ['after'],
  )
}

function readPlace(fileId: string, after: string | null, rowCount: number): RowPlace {
  if (after === null) return firstPlace
  const place = decodeRowCursor(fileId, after)
  if (!place || place.row > rowCount) throw noCursor(after)
  return place
}

function chooseFile(files: readonly ReportFile[]): { file: ReportFile; read: RowReader } | null {
  for (const [format, read] of readers) {
    const file = files.find((candidate) => candidate.format === format)
    if (file) return { file, read }
  }
  return null
}
