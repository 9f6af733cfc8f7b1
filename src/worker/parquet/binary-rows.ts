/** Before the rows: a signature, flags and the length of an extension, which no version of Postgres has. */
const headerBytes = 19
/** A row's number of fields; −1 after the last row. */
const countBytes = 2
/** A field's length, before its bytes; −1 for null. */
const lengthBytes = 4

/** Where the row that begins at `start` ends; null when it is not whole yet, or the rows are over. */
const endOfRow = (bytes: Buffer, start: number): number | null => {
  if (bytes.length < start + countBytes) return null
  const fields = bytes.readInt16BE(start)
  if (fields < 0) return null
  let at = start + countBytes
  for (let i = 0; i < fields; i++) {
    if (bytes.length < at + lengthBytes) return null
    at += lengthBytes + Math.max(0, bytes.readInt32BE(at))
  }
  return at <= bytes.length ? at : null
}

export type BinaryRowReader = {
  /** Takes the next bytes, cut anywhere. */
  take(chunk: Uint8Array): void
  /** @throws Error when the rows are not whole */
  end(): void
}

/**
 * Reads what `COPY … (format binary)` writes.
 *
 * @param onField called for each field in order; its bytes are only lent, null is SQL null
 * @param onRow called after the last field of each row, with the row's size in bytes
 */
export const createBinaryRowReader = (
  onField: (column: number, bytes: Buffer | null) => void,
  onRow: (byteSize: number) => void,
): BinaryRowReader => {
  let rest = Buffer.alloc(0)
  let isBegun = false

  const readRow = (bytes: Buffer, start: number, end: number): void => {
    let at = start + countBytes
    for (let column = 0; at < end; column++) {
      const length = bytes.readInt32BE(at)
      at += lengthBytes
      onField(column, length < 0 ? null : bytes.subarray(at, at + length))
      at += Math.max(0, length)
    }
    onRow(end - start)
  }

  return {
    take: (chunk) => {
      rest = Buffer.concat([rest, chunk])
      if (!isBegun && rest.length < headerBytes) return
      let at = isBegun ? 0 : headerBytes
      isBegun = true
      for (let end = endOfRow(rest, at); end !== null; end = endOfRow(rest, at)) {
        readRow(rest, at, end)
        at = end
      }
      // A copy, so that the end of a chunk does not keep the whole of it in memory.
      rest = Buffer.from(rest.subarray(at))
    },
    end: () => {
      const isOver = rest.length === countBytes && rest.readInt16BE() === -1
      if (!isBegun || !isOver) throw new Error('Postgres did not send the rows to their end.')
    },
  }
}
