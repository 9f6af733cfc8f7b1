import { DatabaseSync } from 'node:sqlite'

const busyCode = 5

const statements = {
  /** Beside all but `exclusive`. */
  shared: 'begin; select 1 from sqlite_schema',
  /** One at a time. */
  reserved: 'begin immediate',
  /** Alone. It waits until another process has finished an attempt of its own. */
  exclusive: 'rollback; pragma busy_timeout = 250; begin exclusive',
}

export type FileLock = NonNullable<ReturnType<typeof tryFileLock>>

/**
 * Locks a file, which is made when missing and never removed; null when other holders forbid it.
 *
 * Node has no flock(2). A lock made of "create a file, write a pid" outlives a `kill -9` and cannot be broken without a race.
 * SQLite's transactions are the one lock in Node's standard library that the kernel itself releases when its holder dies.
 * Nothing is ever written to the disk: the transaction stays empty and its journal in memory.
 *
 * @throws when the file cannot be locked
 */
export function tryFileLock(file: string, mode: 'shared' | 'reserved') {
  try {
    const handle = new DatabaseSync(file, { timeout: 0 })
    const release = (): void => handle.close()
    // When others hold the lock too, it is released. The same handle works even after the file was deleted.
    const makeExclusive = (): boolean => tryBegin(handle, 'exclusive')
    if (tryBegin(handle, mode)) return { mode, makeExclusive, release }
    release()
    return null
  } catch (cause) {
    throw new Error(`Cannot lock ${file}: is it writable, on a disk that supports locks?`, { cause })
  }
}

function tryBegin(handle: DatabaseSync, mode: keyof typeof statements): boolean {
  try {
    handle.exec(`pragma journal_mode = memory; ${statements[mode]}`)
    return true
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === busyCode) return false
    throw error
  }
}
