import { DatabaseSync } from 'node:sqlite'

const busyCode = 5
/** Long enough for another process to finish an attempt of its own. */
const lastAttemptMilliseconds = 250

const statements = {
  /** Beside all but `exclusive`. */
  shared: 'begin; select 1 from sqlite_schema',
  /** One at a time. */
  reserved: 'begin immediate',
  /** Alone. */
  exclusive: 'begin exclusive',
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
    if (tryBegin(handle, mode)) return { mode, release, makeExclusive: () => makeExclusive(handle) }
    release()
    return null
  } catch (cause) {
    throw new Error(`Cannot lock ${file}: is it writable, on a disk that supports locks?`, { cause })
  }
}

/** When others hold the lock too it returns false, and the lock is released. */
function makeExclusive(handle: DatabaseSync): boolean {
  // On the same handle, which still works after the file was deleted.
  handle.exec(`rollback; pragma busy_timeout = ${lastAttemptMilliseconds}`)
  return tryBegin(handle, 'exclusive')
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
