import { createHash } from 'node:crypto'
import { type Readable, Transform } from 'node:stream'
import type { ReportFile } from '../postgres/generated/prisma/client.ts'

/** A readable stream, and what its bytes go through on their way into the store. */
type Stages = readonly [NodeJS.ReadableStream, ...NodeJS.ReadWriteStream[]]

/** What a file turned out to be once it was stored whole: its bytes as stored, and their SHA-256 in hex. */
export type StoredFile = Pick<ReportFile, 'byteSize' | 'sha256'>

/** Bytes of a file as stored, from `start` on, before `end`; to the end of the file when that is not given. */
export type ByteRange = { start: number; end?: number }

/**
 * Where result files are kept. Keys are relative paths of letters, digits, `_`, `-`, `.` and `/`. All of it throws
 * StorageError when the store fails.
 */
export type Storage = {
  /**
   * Stores what comes out of the last stage. The file is visible under its key only when it is whole and safe; when a
   * stage fails or the signal ends it, nothing is left.
   */
  write(key: string, content: Stages, signal: AbortSignal): Promise<StoredFile>
  /**
   * Opens a part of a file; empty when the range begins at the end of the file or behind it. The caller reads it to
   * its end or destroys it.
   *
   * @returns null when there is no whole file under this key
   */
  read(key: string, range: ByteRange): Promise<Readable | null>
  /** Bytes of the whole file under this key; null when there is none. */
  size(key: string): Promise<number | null>
  /** Removes a file, or a folder with all that is in it, half-written files included. */
  remove(key: string): Promise<void>
  /** Keys of all files in a folder, half-written ones included; none when it does not exist. */
  list(folder: string): Promise<string[]>
}

/** The store of result files failed: its disk is full, say, or it cannot be reached. The same may work later. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
  /** Why, as the end of a sentence that is safe to show: "there is no space left". */
  readonly reason: string

  constructor(reason: string, options: { cause: unknown }) {
    super(`The store of files failed: ${reason}.`, options)
    this.reason = reason
  }
}

/** Passes bytes through, counts them, and takes their SHA-256; the result is to be asked for once. */
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
