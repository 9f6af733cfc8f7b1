import { execFile } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { promisify } from 'node:util'

export const run = promisify(execFile)

/** A system account, in the form that `spawn` accepts: ids as signed 32-bit numbers. */
export type Account = { uid: number; gid: number }

const candidates = ['nobody', 'postgres', 'daemon']

/**
 * Returns the account that runs a new cluster. Null when this process does not run as root: any other user can run Postgres.
 * The first choice is `nobody`, which exists on every Unix. The drawback is that other services that run as `nobody` can
 * read the files of the cluster. Where that matters, run the gateway as an ordinary user, or set DATABASE_URL.
 *
 * @throws when the account file contains none of the known accounts
 */
export async function postgresAccount(accountFile = '/etc/passwd'): Promise<Account | null> {
  if (process.getuid?.() !== 0) return null
  const accounts = await readFile(accountFile, 'utf8').catch(() => '')
  for (const name of candidates) {
    const [, uid, gid] = new RegExp(`^${name}:[^:]*:([^:]+):([^:]+):`, 'm').exec(accounts) ?? []
    if (Number(uid)) return { uid: Number(uid) | 0, gid: Number(gid) | 0 }
  }
  throw new Error(
    `Postgres refuses to run as root, and ${accountFile} has no unprivileged account for it (${candidates.join(', ')}). ` +
      'Run the gateway as an ordinary user, or set DATABASE_URL.',
  )
}

/**
 * Returns the account that runs Postgres in `folder`: the owner of the folder, because an ordinary user may have created it.
 * Null when this process does not run as root. If root owns the folder, because it is new or was copied, changes the owner.
 */
export async function ensureOwner(folder: string): Promise<Account | null> {
  const wanted = await postgresAccount()
  if (!wanted) return null
  const { uid, gid } = await stat(folder)
  if (uid !== 0) return { uid: uid | 0, gid: gid | 0 }
  // `>>> 0`: on macOS the id of nobody is -2, which chown would parse as an option.
  await run('chown', ['-hR', `${wanted.uid >>> 0}:${wanted.gid >>> 0}`, folder])
  return wanted
}
