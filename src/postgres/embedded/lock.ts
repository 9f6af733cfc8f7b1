import { DatabaseSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'

const SQLITE_BUSY = 5
const POLL_MS = 20

export type FileLock = {
  /** Path of the lock file; made when missing, never removed. Its folder must exist. */
  file: string
  /** How long to wait for another holder, in milliseconds. @default 60_000 */
  patienceMs?: number
  signal?: AbortSignal | undefined
}

/**
 * Runs `work` while no other process (nor another caller in this one) holds the same lock file, and gives
 * back what it gave.
 *
 * Node has no flock(2). A lock made of "create a file, write a pid" outlives a `kill -9` and cannot be broken
 * without a race. SQLite's exclusive transaction is the one lock in Node's standard library that the kernel
 * itself releases when its holder dies. Nothing is ever written to the disk: the transaction stays empty and
 * its journal in memory.
 *
 * @throws when the lock is still taken after `patienceMs`, when the file cannot be locked, when `signal`
 * aborts
 */
export async function withFileLock<T>(lock: FileLock, work: () => Promise<T>): Promise<T> {
  const handle = await acquire(lock)
  try {
    return await work()
  } finally {
    handle.close()
  }
}

async function acquire({ file, patienceMs = 60_000, signal }: FileLock): Promise<DatabaseSync> {
  const deadline = Date.now() + patienceMs
  const handle = openLockFile(file)
  try {
    while (!tryExclusive(handle, file)) {
      if (Date.now() > deadline) {
        throw new Error(
          `${file} has been locked by another process for ${patienceMs} ms: ` +
            'it is still starting or stopping Postgres. Wait for it, or end it.',
        )
      }
      await setTimeout(POLL_MS, undefined, { signal })
    }
    return handle
  } catch (error) {
    handle.close()
    throw error
  }
}

function openLockFile(file: string): DatabaseSync {
  try {
    return new DatabaseSync(file, { timeout: 0 })
  } catch (cause) {
    throw new Error(`Cannot open the lock file ${file}: is its folder writable for this user?`, { cause })
  }
}

function tryExclusive(handle: DatabaseSync, file: string): boolean {
  try {
    handle.exec('pragma journal_mode = memory; begin exclusive')
    return true
  } catch (cause) {
    if (cause instanceof Error && 'errcode' in cause && cause.errcode === SQLITE_BUSY) return false
    throw new Error(`Cannot lock ${file}: is it writable for this user, on a disk that supports locks?`, {
      cause,
    })
  }
}
