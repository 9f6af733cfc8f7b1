import { execFile } from 'node:child_process'
import { chmod, mkdir, readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

export const run = promisify(execFile)

/**
 * Where root keeps what an unprivileged Postgres must reach when the checkout or the data folder lies below a
 * folder which only root can enter:
 *
 *     postgres-<package version>/   a copy of the binaries
 *     <cluster id>/                 a cluster
 *     <cluster id>.json             which DATA_DIR it belongs to
 */
export const systemFolder = '/var/lib/report-gateway'

/** A system account; ids as unsigned numbers, as `stat` returns them. */
export type Account = { uid: number; gid: number }

const candidates = ['nobody', 'postgres', 'daemon']

/**
 * The account that runs Postgres; null when this process can run it itself, which root cannot. `nobody` comes first: it
 * exists on every Unix, so there is nothing to create and nothing to clean up. Its price is that other services running as
 * `nobody` could read the cluster's files; a machine where that matters runs the gateway as an ordinary user, or sets
 * DATABASE_URL.
 *
 * @throws when the account file lists none of the known accounts
 */
export async function postgresAccount(accountFile = '/etc/passwd'): Promise<Account | null> {
  if (process.getuid?.() !== 0) return null
  const accounts = await readFile(accountFile, 'utf8').catch(() => '')
  const lines = accounts.split('\n').map((line) => line.split(':'))
  for (const name of candidates) {
    const [, , uid, gid] = lines.find((line) => line[0] === name) ?? []
    // `>>> 0`: macOS writes nobody's id as -2.
    if (uid && gid && Number(uid) !== 0) return { uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 }
  }
  throw new Error(
    `Postgres refuses to run as root, and ${accountFile} has no unprivileged account for it (${candidates.join(', ')}). ` +
      'Run the gateway as an ordinary user, or set DATABASE_URL.',
  )
}

/** Spawn options that run a child process as `account`; as the user of this process without one. */
export function runAs(account: Account | null): { uid?: number; gid?: number } {
  // `| 0`: spawn takes signed 32-bit ids.
  return account ? { uid: account.uid | 0, gid: account.gid | 0 } : {}
}

/** Whether `account` can read the file (`-r`), or run the program or enter the folder (`-x`), at `path`. */
export async function canReach(account: Account, path: string, access: '-r' | '-x'): Promise<boolean> {
  return await run('test', [access, path], { ...runAs(account), cwd: '/' }).then(
    () => true,
    () => false,
  )
}

export async function makeSystemFolder(): Promise<string> {
  try {
    await mkdir(systemFolder, { recursive: true })
    await chmod(systemFolder, 0o755)
    return systemFolder
  } catch (cause) {
    throw new Error(
      `Postgres cannot run as root, and ${systemFolder}, where another account could run it, cannot be made. ` +
        'Run as an ordinary user, or set DATABASE_URL.',
      { cause },
    )
  }
}
