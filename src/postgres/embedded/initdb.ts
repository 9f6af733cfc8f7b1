import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Account, runAs } from './account.ts'
import { type Binaries, POSTGRES_ENVIRONMENT } from './binaries.ts'
import { renameDurably } from './files.ts'

/** A Postgres cluster on disk and what it takes to run it. All paths are absolute, without symlinks. */
export type Cluster = {
  dataDir: string
  /**
   * The folder of the cluster. As root it belongs to root, so that Postgres cannot put a link where we write.
   */
  home: string
  data: string
  logFile: string
  /** The password of the superuser `postgres`. */
  password: string
  /** Runs Postgres; undefined: we do. */
  account: Account | undefined
  binaries: Binaries
}

/**
 * The builtin locale sorts and folds alike on every system, and no system update can break indexes built with
 * it.
 */
const INITDB_FLAGS = [
  '--username=postgres',
  '--auth=scram-sha-256',
  '--encoding=UTF8',
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  '--no-instructions',
]

/**
 * Removes what an initdb left whose gateway was killed; it may even be running still, then the next start has
 * another try.
 */
export async function removeLeftovers(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    if (name.startsWith('data.')) await rm(join(home, name), { recursive: true, force: true }).catch(() => {})
  }
}

/**
 * Makes the cluster's files with initdb: under another name first, so that one which was cut short is never
 * taken for a whole one. The home folder must exist.
 *
 * @throws when initdb fails, with what it said
 */
export async function createCluster(cluster: Cluster, signal?: AbortSignal): Promise<void> {
  const { home, data, account, binaries, password } = cluster
  const fresh = join(home, `data.${randomBytes(4).toString('hex')}`)
  const passwordFile = `${fresh}.password`
  try {
    await mkdir(fresh, { mode: 0o700 })
    await writeFile(passwordFile, password, { mode: 0o600 })
    if (account) {
      await chown(fresh, account.uid, account.gid)
      await chown(passwordFile, account.uid, account.gid)
    }
    // It also waits until all it wrote is on the disk: 0.1 s of 0.5 s. Postgres's own checkpoints would never
    // do that for files which they do not change.
    await promisify(execFile)(binaries.initdb, ['-D', fresh, '--pwfile', passwordFile, ...INITDB_FLAGS], {
      ...runAs(account),
      cwd: home,
      env: POSTGRES_ENVIRONMENT,
      signal,
    })
    await renameDurably(fresh, data)
  } catch (cause) {
    const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : ''
    const reason = said || (cause instanceof Error ? cause.message : String(cause))
    throw new Error(
      `initdb could not make a Postgres cluster in ${home}. ` +
        `Mend the reason, or set DATABASE_URL to a Postgres of your own:\n${reason}`,
      { cause },
    )
  } finally {
    await rm(passwordFile, { force: true })
    await rm(fresh, { recursive: true, force: true })
  }
}
