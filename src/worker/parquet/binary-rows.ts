import { UnwritableValueError } from './column-types.ts'

/** The header before the rows: a signature, flags, and the length of an extension that no version of Postgres uses. */
const headerBytes = 19
/** A row starts with its number of fields; −1 follows the last row. */
const countBytes = 2
/** A field starts with its length in bytes; −1 for null. */
const lengthBytes = 4

/** Maximum size of a value, in bytes. */
const maxValueBytes = 50_000_000

const startBytes = 64 * 1024

/**
 * Maximum number of rows in a row group of the file. The values of one row group and the metadata of all row groups are in
 * memory: smaller groups need less memory for values, but more for metadata.
 */
export const rowsPerGroup = 5_000
/** A row group of long values ends at this size. */
export const bytesPerGroup = 8 * 1024 * 1024

/** Consecutive complete rows. */
export type BinaryRows = {
  length: number
  /**
   * A column's values.
   *
   * @param read decodes a field, which is in `bytes` from `start` to before `end`; the bytes are valid only during the
   * call. It is not called for SQL null, which stays null.
   */
  column<Value>(index: number, read: ReadField<Value>): (Value | null)[]
}

type ReadField<Value> = (bytes: Buffer, start: number, end: number) => Value

/**
 * Reads the output of `COPY … (format binary)`. Rows stay encoded, in one buffer that is used again: the decoded values of
 * all columns would be many small objects, which together need much more memory.
 *
 * @param columns fields in each row
 * @param onRows receives the rows of one group, which are valid only during the call
 */
export function createBinaryRowReader(columns: number, onRows: (rows: BinaryRows) => void) {
  let bytes = Buffer.alloc(startBytes)
  /** End of the bytes received. */
  let end = 0
  /** End of the complete rows. */
  let rowsEnd = 0
  let length = 0
  let emitted = 0
  let hasStarted = false
  /** Position of each field, which starts with its length. */
  const fields = new Uint32Array(columns * rowsPerGroup)

  const add = (chunk: Uint8Array): void => {
    if (end + chunk.length > bytes.length) {
      const larger = Buffer.alloc(Math.max(2 * bytes.length, end + chunk.length))
      larger.set(bytes.subarray(0, end))
      bytes = larger
    }
    bytes.set(chunk, end)
    end += chunk.length
  }

  /** False when the next row is incomplete, or no row follows. */
  const readRow = (): boolean => {
    if (end - rowsEnd < countBytes || bytes.readInt16BE(rowsEnd) < 0) return false
    let at = rowsEnd + countBytes
    for (let i = 0; i < columns; i++) {
      if (end - at < lengthBytes) return false
      fields[length * columns + i] = at
      const size = bytes.readInt32BE(at)
      // The whole value would have to fit into memory.
      if (size > maxValueBytes) {
        throw new UnwritableValueError(
          `A value has ${size} bytes, and a value in a Parquet file can have at most ${maxValueBytes}. Choose CSV or JSONL.`,
        )
      }
      at += lengthBytes + Math.max(0, size)
    }
    if (at > end) return false
    rowsEnd = at
    length++
    return true
  }

  const column: BinaryRows['column'] = <Value>(index: number, read: ReadField<Value>) => {
    const values = new Array<Value | null>(length)
    for (let row = 0; row < length; row++) {
      const start = (fields[row * columns + index] ?? 0) + lengthBytes
      const size = bytes.readInt32BE(start - lengthBytes)
      values[row] = size < 0 ? null : read(bytes, start, start + size)
    }
    return values
  }

  const emit = (): void => {
    onRows({ length, column })
    emitted += length
    length = 0
    bytes.copyWithin(0, rowsEnd, end)
    end -= rowsEnd
    rowsEnd = 0
  }

  return {
    /** Takes the next bytes, split at any position. */
    take: (chunk: Uint8Array): void => {
      add(chunk)
      if (!hasStarted && end < headerBytes) return
      if (!hasStarted) rowsEnd = headerBytes
      hasStarted = true
      while (readRow()) if (length === rowsPerGroup || rowsEnd >= bytesPerGroup) emit()
    },
    /** @throws Error when the output is incomplete */
    end: (): void => {
      const isAtEnd = end - rowsEnd === countBytes && bytes.readInt16BE(rowsEnd) === -1
      if (!hasStarted || !isAtEnd) throw new Error('The rows from Postgres are incomplete.')
      if (length > 0) emit()
    },
    rows: (): number => emitted + length,
  }
}
