/** Before the rows: a signature, flags and the length of an extension, which no version of Postgres has. */
const headerBytes = 19
/** A row's number of fields; −1 after the last row. */
const countBytes = 2
/** A field's length, before its bytes; −1 for null. */
const lengthBytes = 4

const startBytes = 64 * 1024

/**
 * Rows in a row group of the file. The values of one are in memory, and what the end of the file says of each: fewer rows
 * make the first smaller and the second larger.
 */
export const rowsPerGroup = 5_000
/** A row group of long values ends earlier. */
export const bytesPerGroup = 8 * 1024 * 1024

/** Whole rows that follow each other. */
export type BinaryRows = {
  length: number
  /**
   * A column's values.
   *
   * @param read makes a value of a field, which is in `bytes` from `start` to before `end`; the bytes are only lent. It is
   * not called for SQL null, which stays null.
   */
  column<Value>(index: number, read: ReadField<Value>): (Value | null)[]
}

type ReadField<Value> = (bytes: Buffer, start: number, end: number) => Value

/**
 * Reads what `COPY … (format binary)` writes. Rows are kept as they came, in one piece of memory that is used again and
 * again: the values of all their columns would be many small objects, and large ones together.
 *
 * @param columns fields in each row
 * @param onRows takes the rows of one group, which are only lent
 */
export function createBinaryRowReader(columns: number, onRows: (rows: BinaryRows) => void) {
  let bytes = Buffer.alloc(startBytes)
  /** Where what has come ends. */
  let end = 0
  /** Where the whole rows in it end. */
  let rowsEnd = 0
  let length = 0
  let given = 0
  let isBegun = false
  /** Where each field of the rows begins with its length. */
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

  /** False when the next row is not whole yet, or the rows are over. */
  const readRow = (): boolean => {
    if (end - rowsEnd < countBytes || bytes.readInt16BE(rowsEnd) < 0) return false
    let at = rowsEnd + countBytes
    for (let i = 0; i < columns; i++) {
      if (end - at < lengthBytes) return false
      fields[length * columns + i] = at
      at += lengthBytes + Math.max(0, bytes.readInt32BE(at))
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

  const give = (): void => {
    onRows({ length, column })
    given += length
    length = 0
    bytes.copyWithin(0, rowsEnd, end)
    end -= rowsEnd
    rowsEnd = 0
  }

  return {
    /** Takes the next bytes, cut anywhere. */
    take: (chunk: Uint8Array): void => {
      add(chunk)
      if (!isBegun && end < headerBytes) return
      if (!isBegun) rowsEnd = headerBytes
      isBegun = true
      while (readRow()) if (length === rowsPerGroup || rowsEnd >= bytesPerGroup) give()
    },
    /** @throws Error when the rows are not whole */
    end: (): void => {
      const isOver = end - rowsEnd === countBytes && bytes.readInt16BE(rowsEnd) === -1
      if (!isBegun || !isOver) throw new Error('Postgres did not send the rows to their end.')
      if (length > 0) give()
    },
    rows: (): number => given + length,
  }
}
