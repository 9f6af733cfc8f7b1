import type { Stats } from 'node:fs'
import { readFile, realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** A system account; ids as unsigned numbers, the way `stat` gives them. */
export type Account = { uid: number; gid: number }

/** Permission bits of one class (owner, group or others). */
export const ENTER = 0o1
export const READ = 0o4

const CANDIDATES = ['nobody', 'postgres', 'daemon']

/**
 * The account that runs Postgres when we are root, which Postgres refuses to be.
 *
 * `nobody` comes first: it exists on every Unix, so there is nothing to create and nothing to clean up. Its
 * price is that other services running as `nobody` could read the cluster's files; a machine where that
 * matters runs the gateway as an ordinary user, or sets DATABASE_URL.
 *
 * @throws when the account file lists none of the known accounts
 */
export async function unprivilegedAccount(accountFile = '/etc/passwd'): Promise<Account> {
  const accounts = await readFile(accountFile, 'utf8').catch(() => '')
  const lines = accounts.split('\n').map((line) => line.split(':'))
  for (const name of CANDIDATES) {
    const [, , uid, gid] = lines.find((line) => line[0] === name) ?? []
    // `>>> 0`: macOS writes nobody's id as -2.
    if (uid && gid && Number(uid) !== 0) return { uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 }
  }
  throw new Error(
    `Postgres refuses to run as root, and ${accountFile} has no unprivileged account for it (${CANDIDATES.join(', ')}). ` +
      'Run the gateway as an ordinary user, or set DATABASE_URL.',
  )
}

/** Spawn options that make a child process run as `account`; as ourselves without one. */
export function runAs(account: Account | undefined): { uid?: number; gid?: number } {
  // `| 0`: spawn takes signed 32-bit ids.
  return account ? { uid: account.uid | 0, gid: account.gid | 0 } : {}
}

/**
 * Whether `account` can enter every folder above `path` and has the `wanted` permission on `path` itself.
 * Judged by owner and mode only; access lists are not looked at.
 */
export async function canReach(account: Account, path: string, wanted: number): Promise<boolean> {
  const target = await realpath(path)
  if (!grants(await stat(target), account, wanted)) return false
  for (let folder = dirname(target); ; folder = dirname(folder)) {
    if (!grants(await stat(folder), account, ENTER)) return false
    if (folder === dirname(folder)) return true
  }
}

function grants(entry: Stats, account: Account, wanted: number): boolean {
  let bits = entry.mode
  if (entry.uid === account.uid) bits >>= 6
  else if (entry.gid === account.gid) bits >>= 3
  return (bits & wanted) === wanted
}
