import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { ensureOwner, run } from './account.ts'
import { isLinux, postgresCommand } from './binaries.ts'

/** The Postgres cluster of a data folder: absolute paths of its files, and the superuser's password. */
export type Cluster = ReturnType<typeof clusterOf>

export type ClusterOptions = {
  /** Folder of the cluster, absolute or relative to the working folder; created when missing. */
  dataDir: string
  /** Called with a message for each step. */
  onProgress: (message: string) => void
  /** Aborts a slow start, and stops the server that it started. */
  signal?: AbortSignal | undefined
}

/** On other systems than Linux, the account of Postgres must be able to enter all parent folders of its cluster. */
export const folderMode = isLinux ? 0o700 : 0o711

/** The built-in locale sorts and folds case the same on every system, and system updates cannot break its indexes. */
const initdbFlags = [
  '--username=postgres',
  '--auth=scram-sha-256',
  '--encoding=UTF8',
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
]

const recordSchema = z.object({ cluster: z.literal('postgres'), password: z.string() })

/** The cluster of a data folder; null when the folder has no record of one. @throws when the record is not valid */
export async function readCluster(dataDir: string): Promise<Cluster | null> {
  const { recordFile, home } = clusterOf(dataDir, '')
  if (!existsSync(recordFile)) return null
  try {
    const record = recordSchema.parse(JSON.parse(await readFile(recordFile, 'utf8')))
    return clusterOf(dataDir, record.password)
  } catch (cause) {
    throw new Error(
      `Cannot use ${recordFile}. Check that it is complete and belongs to this user. If its "cluster" is not "postgres", ` +
        `an older version created it: move that folder to ${home}, and change "cluster" to "postgres".`,
      { cause },
    )
  }
}

/**
 * The cluster of a data folder, created when there is none. Only the process that owns the server of the folder can call this.
 *
 * @throws when the password of the cluster is lost, when there is no binary or account to run it, when initdb fails
 */
export async function prepareCluster({ dataDir, onProgress, signal }: ClusterOptions): Promise<Cluster> {
  const known = await readCluster(dataDir)
  if (known && !known.isNew) return known
  const cluster = known ?? clusterOf(dataDir, randomBytes(24).toString('base64url'))
  if (!cluster.isNew) {
    throw new Error(
      `${cluster.home} contains a Postgres cluster, but ${cluster.recordFile}, which holds its password, is missing. ` +
        'Restore that file, or move the folder away to start with an empty database.',
    )
  }
  onProgress(`Creating a Postgres cluster in ${cluster.home}.`)
  // The record is written first: after a crash, the next start can then finish the creation.
  const record = JSON.stringify({ cluster: 'postgres', password: cluster.password }, null, 2)
  await writeFile(`${cluster.recordFile}.new`, `${record}\n`, { mode: 0o600, flush: true })
  await renameDurably(`${cluster.recordFile}.new`, cluster.recordFile)
  await createCluster(cluster, signal)
  return cluster
}

function clusterOf(dataDir: string, password: string) {
  // Under root it belongs to root, so that Postgres cannot place a link where this process writes.
  const home = join(dataDir, 'postgres')
  const data = join(home, 'data')
  return {
    recordFile: join(dataDir, 'postgres.json'),
    home,
    data,
    logFile: join(home, 'postgres.log'),
    password,
    /** True when initdb has not run yet. */
    isNew: !existsSync(data),
  }
}

/** Creates the cluster in a temporary folder first, so that an incomplete cluster is never used. */
async function createCluster({ home, data, password }: Cluster, signal?: AbortSignal): Promise<void> {
  await mkdir(home, { recursive: true, mode: folderMode })
  // Leftovers of killed processes; an initdb among them can still write for a moment.
  for (const name of (await readdir(home)).filter((entry) => entry.startsWith('data.')))
    await rm(join(home, name), { recursive: true, force: true, maxRetries: 10 })
  const fresh = await mkdtemp(`${data}.`)
  const freshData = join(fresh, 'data')
  try {
    await mkdir(freshData, { mode: 0o700 })
    await writeFile(join(fresh, 'password'), password, { mode: 0o600 })
    await ensureOwner(fresh)
    const { program, folderFlags, options } = await postgresCommand('initdb', freshData)
    // initdb also syncs all files to disk, which the checkpoints of Postgres never do for unchanged files.
    await run(program, [...folderFlags, '--pwfile=../password', ...initdbFlags], { ...options, signal })
    await renameDurably(freshData, data)
  } catch (cause) {
    throw new Error(
      `initdb failed to create a Postgres cluster in ${home}. Fix the cause below, set another DATA_DIR, ` +
        `run the gateway as an ordinary user, or set DATABASE_URL.\n${cause}`,
      { cause },
    )
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

/** Renames a file or folder, and syncs the rename to disk. */
async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to)
  await using folder = await open(dirname(to))
  await folder.sync()
}
