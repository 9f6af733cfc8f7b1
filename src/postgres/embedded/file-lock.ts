import { DatabaseSync } from 'node:sqlite'

const busyCode = 5

const statements = {
  /** Any number of holders, also beside `reserved`. */
  shared: 'begin; select 1 from sqlite_schema',
  /** One holder at a time. */
  reserved: 'begin immediate',
  /** The only holder. The timeout covers the brief attempts of other processes. */
  exclusive: 'rollback; pragma busy_timeout = 250; begin exclusive',
}

export type FileLock = NonNullable<ReturnType<typeof tryFileLock>>

/**
 * Locks a file, which is created when missing and never removed; null when another holder prevents it.
 *
 * Node has no flock(2). A pid file outlives a `kill -9` and cannot be taken over without a race. SQLite transactions are the
 * only lock in Node's standard library that the kernel releases when its holder dies. Nothing is written to disk: the
 * transaction stays empty and its journal is in memory.
 *
 * @throws when the file cannot be locked
 */
export function tryFileLock(file: string, mode: 'shared' | 'reserved') {
  try {
    const handle = new DatabaseSync(file, { timeout: 0 })
    const release = (): void => handle.close()
    // When there are other holders, this returns false and releases the lock. The handle works even after the file was deleted.
    const makeExclusive = (): boolean => tryBegin(handle, 'exclusive')
    if (tryBegin(handle, mode)) return { mode, makeExclusive, release }
    release()
    return null
  } catch (cause) {
    throw new Error(`Cannot lock ${file}. Check that it is writable, on a disk with locks.`, { cause })
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
