import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Account, canReach, postgresAccount, run, runAs } from './account.ts'
import { reachableBinaries } from './binaries.ts'
import { claimRecord, renameDurably } from './record.ts'

/** A Postgres cluster on disk and what it takes to run it. All paths are absolute, without symlinks. */
export type Cluster = Awaited<ReturnType<typeof prepareCluster>>

export type ClusterOptions = {
  /** Folder of the cluster, absolute or relative to the working folder; made when missing. */
  dataDir: string
  /** Receives a sentence on each step. */
  onProgress: (message: string) => void
  /** Ends the wait for a slow start; what was started is stopped again. */
  signal?: AbortSignal | undefined
}

/** No variable of this process (PGDATA, LANG, …) may reach Postgres; English, because messages are looked for. */
export const postgresEnvironment = { LC_ALL: 'C', TZ: 'UTC' }

/** The locale built in sorts and folds alike on every system, and no system update can break indexes built with it. */
const initdbFlags = [
  '--username=postgres',
  '--auth=scram-sha-256',
  '--encoding=UTF8',
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  '--no-instructions',
]

/**
 * Makes the data folder when it is missing, for this user alone; as root and below folders that every account can enter,
 * enterable (0711), so that an unprivileged Postgres reaches its cluster in it. Returns its real path.
 */
export async function makeDataDir(path: string): Promise<string> {
  const wanted = resolve(path)
  const account = await postgresAccount()
  try {
    const made = await mkdir(wanted, { recursive: true, mode: 0o700 })
    // Not by mkdir, whose mode the umask of a careful user would restrict.
    if (made && account && (await canReach(account, dirname(made), '-x'))) await chmod(wanted, 0o711)
    return await realpath(wanted)
  } catch (cause) {
    throw new Error(
      `Cannot make the data folder ${wanted}. Set DATA_DIR to one that this user may write to.`,
      { cause },
    )
  }
}

/**
 * The cluster of a data folder, made when there is none. Only for the process that owns the server of the folder.
 *
 * @throws when the password of a cluster is lost, when there is no binary or account to run it, when initdb fails
 */
export async function prepareCluster({ dataDir, onProgress, signal }: ClusterOptions) {
  const wanted = await postgresAccount()
  const record = await claimRecord(dataDir, wanted, onProgress)
  const { home, data } = record
  const isNew = !existsSync(data)
  const account = wanted && !isNew ? await ownerOf(data, wanted) : wanted
  const binaries = await reachableBinaries(account)
  const logFile = join(home, 'postgres.log')
  // Without an account, this process runs Postgres itself. New means that initdb had to run.
  const cluster = { ...record, logFile, account, binaries, isNew }
  if (isNew) {
    onProgress(`Creating a Postgres cluster in ${home}.`)
    await createCluster(cluster, signal)
  } else if (account && !(await canReach(account, data, '-x'))) {
    throw new Error(
      `Postgres cannot run as root, and user ${account.uid}, who runs it here, may not enter a folder above ${data}. ` +
        'Was it moved below a folder of root? Move it back, or let others enter those folders (chmod o+x).',
    )
  }
  return cluster
}

/** The owner of a cluster that exists runs it: an ordinary user may have made it. */
async function ownerOf(data: string, wanted: Account): Promise<Account> {
  const { uid, gid } = await stat(data)
  if (uid !== 0) return { uid, gid }
  // Postgres never made this: the folder was copied as root.
  await run('chown', ['-hR', `${wanted.uid}:${wanted.gid}`, data])
  return wanted
}

/** In another folder first, so that a cluster which was cut short is never taken for a whole one. */
async function createCluster(
  { home, data, account, binaries, password }: Omit<Cluster, 'isNew'>,
  signal?: AbortSignal,
): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 })
  if (account) await chmod(home, 0o711)
  // An initdb whose gateway was killed may still be running; then the next start removes the rest.
  for (const name of await readdir(home))
    if (name.startsWith('data.')) await rm(join(home, name), { recursive: true, force: true }).catch(() => {})
  const fresh = await mkdtemp(`${data}.`)
  const passwordFile = join(fresh, 'password')
  try {
    await writeFile(passwordFile, password, { mode: 0o600 })
    if (account) await run('chown', ['-R', `${account.uid}:${account.gid}`, fresh])
    const flags = ['-D', join(fresh, 'data'), '--pwfile', passwordFile, ...initdbFlags]
    // It also waits until all it wrote is on the disk: Postgres's own checkpoints would never do that for files which
    // they do not change.
    await run(join(binaries, 'initdb'), flags, {
      ...runAs(account),
      cwd: home,
      env: postgresEnvironment,
      signal,
    })
    await renameDurably(join(fresh, 'data'), data)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(
      `initdb could not make a Postgres cluster in ${home}. ` +
        `Mend the reason, or set DATABASE_URL to a Postgres of your own:\n${reason}`,
      { cause },
    )
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}
