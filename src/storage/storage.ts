import { createHash } from 'node:crypto'
import { type Readable, Transform } from 'node:stream'
import type { ReportFile } from '../postgres/generated/prisma/client.ts'

/** A readable stream and the transformations of its bytes before they are stored. */
type Stages = readonly [NodeJS.ReadableStream, ...NodeJS.ReadWriteStream[]]

/** The size of a stored file in bytes, and its SHA-256 in hex. */
export type StoredFile = Pick<ReportFile, 'byteSize' | 'sha256'>

/** A range of bytes of a stored file, from `start` up to but not including `end`, or to the end of the file. */
export type ByteRange = { start: number; end?: number }

/**
 * Stores result files. Keys are relative paths of letters, digits, `_`, `-`, `.` and `/`. Every function throws
 * StorageError when the store fails.
 */
export type Storage = {
  /**
   * Stores the output of the last stage. The file is visible under its key only when it is complete and durable. When a
   * stage fails or the signal aborts, nothing is left.
   */
  write(key: string, content: Stages, signal: AbortSignal): Promise<StoredFile>
  /**
   * Opens a range of a file; empty when the range starts at or after the end of the file. The caller must read the stream
   * to its end or destroy it.
   *
   * @returns null when there is no complete file under this key
   */
  read(key: string, range: ByteRange): Promise<Readable | null>
  /** Returns the size in bytes; null when there is no complete file under this key. */
  size(key: string): Promise<number | null>
  /** Deletes a file, or a folder with its contents, including incomplete files. */
  remove(key: string): Promise<void>
  /** Returns the keys of all files in a folder, including incomplete ones; none when the folder does not exist. */
  list(folder: string): Promise<string[]>
}

/** The file store failed: its disk is full, for example, or it cannot be reached. A retry can succeed. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
  /** The reason, as a clause that is safe to show: "there is no space left". */
  readonly reason: string

  constructor(reason: string, options: { cause: unknown }) {
    super(`The file store failed: ${reason}.`, options)
    this.reason = reason
  }
}

/** Creates a stream that passes bytes through and computes their count and SHA-256. `result` can be called once. */
export function createByteCounter() {
  const hash = createHash('sha256')
  let byteSize = 0n
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      byteSize += BigInt(chunk.byteLength)
      done(null, chunk)
    },
  })
  return { stream, result: (): StoredFile => ({ byteSize, sha256: hash.digest('hex') }) }
}
