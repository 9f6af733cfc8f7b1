/** A readable stream, and what its bytes go through on their way into the store. */
export type Stages = readonly [NodeJS.ReadableStream, ...NodeJS.ReadWriteStream[]]

/** What a file turned out to be once it was stored whole. */
export type StoredFile = {
  /** Bytes as stored. */
  byteSize: bigint
  /** Hex SHA-256 of those bytes. */
  sha256: string
}

/** Where result files are kept. Keys are relative paths of letters, digits, `_`, `-`, `.` and `/`. */
export type Storage = {
  /**
   * Stores what comes out of the last stage. The file is visible under its key only when it is whole and on disk; when a
   * stage fails or the signal ends it, nothing is left.
   */
  write(key: string, content: Stages, signal: AbortSignal): Promise<StoredFile>
  /** Removes a file, or a folder with all that is in it, half-written files included. */
  remove(key: string): Promise<void>
  /** Keys of all files in a folder, half-written ones included; none when it does not exist. */
  list(folder: string): Promise<string[]>
  /** True when there is a whole file under this key. */
  has(key: string): Promise<boolean>
  /** Folder on this machine that keys are relative to. */
  root: string
}
