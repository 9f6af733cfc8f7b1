import type { RowPlace } from './row-reader.ts'

const pattern = /^([a-z0-9_]+):(\d{1,15}):(\d{1,15})$/

/** The place as clients hold it. It names its file, so that a cursor is never taken for one of another. */
export function encodeRowCursor(fileId: string, { row, offset }: RowPlace): string {
  return Buffer.from(`${fileId}:${row}:${offset}`).toString('base64url')
}

/** The place that a cursor stands for; null when it is no cursor of this file. */
export function decodeRowCursor(fileId: string, cursor: string): RowPlace | null {
  const [, id, row, offset] = pattern.exec(Buffer.from(cursor, 'base64url').toString('utf8')) ?? []
  return id === fileId ? { row: Number(row), offset: Number(offset) } : null
}
