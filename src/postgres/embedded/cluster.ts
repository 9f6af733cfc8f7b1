import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, open, readdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { ensureOwner, run } from './account.ts'
import { isLinux, postgresCommand } from './binaries.ts'

/** The Postgres cluster of a data folder: its files, by absolute paths without symlinks, and its superuser's password. */
export type Cluster = ReturnType<typeof clusterOf>

export type ClusterOptions = {
  /** Folder of the cluster, absolute or relative to the working folder; made when missing. */
  dataDir: string
  /** Receives a sentence on each step. */
  onProgress: (message: string) => void
  /** Ends the wait for a slow start; what was started is stopped again. */
  signal?: AbortSignal | undefined
}

/** Elsewhere than on Linux, the account of Postgres must be able to enter all folders on the way to its cluster. */
const folderMode = isLinux ? 0o700 : 0o711

/** The locale built in sorts and folds alike on every system, and no system update can break indexes built with it. */
const initdbFlags = [
  '--username=postgres',
  '--auth=scram-sha-256',
  '--encoding=UTF8',
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
]

const recordSchema = z.object({ cluster: z.literal('postgres'), password: z.string() })

/** Makes the data folder when it is missing, for this user alone. Returns its real path. */
export async function makeDataDir(path: string): Promise<string> {
  const wanted = resolve(path)
  try {
    await mkdir(wanted, { recursive: true, mode: folderMode })
    return await realpath(wanted)
  } catch (cause) {
    throw new Error(`Cannot make ${wanted}. Set DATA_DIR to a folder that this user may write to.`, { cause })
  }
}

/** The cluster of a data folder; null when the folder has no record of one. @throws when that cannot be understood */
export async function readCluster(dataDir: string): Promise<Cluster | null> {
  const { recordFile, home } = clusterOf(dataDir, '')
  if (!existsSync(recordFile)) return null
  try {
    const record = recordSchema.parse(JSON.parse(await readFile(recordFile, 'utf8')))
    return clusterOf(dataDir, record.password)
  } catch (cause) {
    throw new Error(
      `Cannot use ${recordFile}. Is it whole, and does it belong to this user? If it names another cluster than "postgres", ` +
        `an older version put it there: move that folder to ${home}, and write "postgres" instead of its name.`,
      { cause },
    )
  }
}

/**
 * The cluster of a data folder, made when there is none. Only for the process that owns the server of the folder.
 *
 * @throws when the password of a cluster is lost, when there is no binary or account to run it, when initdb fails
 */
export async function prepareCluster({ dataDir, onProgress, signal }: ClusterOptions): Promise<Cluster> {
  const known = await readCluster(dataDir)
  if (known && !known.isNew) return known
  const cluster = known ?? clusterOf(dataDir, randomBytes(24).toString('base64url'))
  if (!cluster.isNew) {
    throw new Error(
      `${cluster.home} holds a Postgres cluster, but ${cluster.recordFile} with its password is gone. ` +
        'Restore that file, or move the folder away to begin with an empty database.',
    )
  }
  onProgress(`Creating a Postgres cluster in ${cluster.home}.`)
  // First the record: from then on a crash leaves nothing that the next start does not finish.
  const record = JSON.stringify({ cluster: 'postgres', password: cluster.password }, null, 2)
  await writeFile(`${cluster.recordFile}.new`, `${record}\n`, { mode: 0o600, flush: true })
  await renameDurably(`${cluster.recordFile}.new`, cluster.recordFile)
  await createCluster(cluster, signal)
  return cluster
}

function clusterOf(dataDir: string, password: string) {
  // As root, it belongs to root: Postgres cannot put a link there, where this process writes.
  const home = join(dataDir, 'postgres')
  const data = join(home, 'data')
  return {
    recordFile: join(dataDir, 'postgres.json'),
    home,
    data,
    logFile: join(home, 'postgres.log'),
    password,
    /** True when initdb did not run yet. */
    isNew: !existsSync(data),
  }
}

/** In another folder first, so that a cluster which was cut short is never taken for a whole one. */
async function createCluster({ home, data, password }: Cluster, signal?: AbortSignal): Promise<void> {
  await mkdir(home, { recursive: true, mode: folderMode })
  // Left by a gateway that was killed; its initdb may still be writing for a moment.
  for (const name of (await readdir(home)).filter((entry) => entry.startsWith('data.')))
    await rm(join(home, name), { recursive: true, force: true, maxRetries: 10 })
  const fresh = await mkdtemp(`${data}.`)
  const freshData = join(fresh, 'data')
  try {
    await mkdir(freshData, { mode: 0o700 })
    await writeFile(join(fresh, 'password'), password, { mode: 0o600 })
    await ensureOwner(fresh)
    const { program, folderFlags, options } = await postgresCommand('initdb', freshData)
    // It also waits until all it wrote is on the disk: Postgres's own checkpoints would never do that for files which
    // they do not change.
    await run(program, [...folderFlags, '--pwfile=../password', ...initdbFlags], { ...options, signal })
    await renameDurably(freshData, data)
  } catch (cause) {
    throw new Error(
      `initdb could not make a Postgres cluster in ${home}. ` +
        `Mend the reason, set another DATA_DIR, run as an ordinary user, or set DATABASE_URL:\n${cause}`,
      { cause },
    )
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

/** Renames so that a loss of power cannot undo it. */
async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to)
  await using folder = await open(dirname(to))
  await folder.sync()
}
