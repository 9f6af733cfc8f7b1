import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { type Account, canReach, makeSystemFolder, systemFolder } from './account.ts'
import { findPostmaster, stopPostmaster } from './postmaster.ts'

/**
 * What `DATA_DIR/postgres.json` says: `home` is the folder that holds the cluster, which is in `data`, and the password is
 * that of the superuser `postgres`. As root, the home belongs to root, so that Postgres cannot put a link where this process
 * writes.
 */
export type ClusterRecord = ReturnType<typeof recordOf>

const recordFile = z.object({ cluster: z.string(), password: z.string() })
/** Stands beside a cluster in the system folder. `device`: the file system of DATA_DIR. */
const ownerFile = z.object({ dataDir: z.string(), device: z.number() })

export function recordPath(dataDir: string): string {
  return join(dataDir, 'postgres.json')
}

/** The content of a JSON file. @throws when it is missing or is not as expected; the error names it */
export async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T> {
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (cause) {
    throw new Error(`Cannot read ${file}. Is it whole, and does it belong to this user?`, { cause })
  }
}

/** The record of a data folder; null when it has none. @throws when it cannot be read or understood */
export async function readRecord(dataDir: string): Promise<ClusterRecord | null> {
  const file = recordPath(dataDir)
  if (!existsSync(file)) return null
  return recordOf(dataDir, await readJson(file, recordFile))
}

/**
 * The record of a data folder for the process that owns its server; a new one when there is none, or when the folder is a
 * copy, whose cluster belongs to the original. A new record is written before its cluster is made: from then on a crash
 * leaves nothing that the next start does not finish.
 *
 * @throws when the folder has a cluster but no record with its password
 */
export async function claimRecord(
  dataDir: string,
  account: Account | null,
  onProgress: (message: string) => void,
): Promise<ClusterRecord> {
  const record = await readRecord(dataDir)
  if (record && dirname(record.home) !== systemFolder) return record
  if (record && !(await belongsToAnother(record.home, dataDir))) {
    await writeOwner(record.home, dataDir)
    return record
  }
  if (record) onProgress(`${dataDir} is a copy: the cluster that it names belongs to the original.`)

  if (!account || (await canReach(account, dataDir, '-x'))) {
    const home = join(dataDir, 'postgres')
    if (existsSync(join(home, 'data'))) {
      throw new Error(
        `${home} holds a Postgres cluster, but ${recordPath(dataDir)} with its password is gone. ` +
          'Restore that file, or move the folder away to begin with an empty database.',
      )
    }
    // A relative path, so that the data folder can be moved.
    return await createRecord(dataDir, 'postgres')
  }
  const home = join(await makeSystemFolder(), randomBytes(8).toString('hex'))
  const created = await createRecord(dataDir, home)
  await writeOwner(home, dataDir)
  await removeAbandonedClusters(onProgress)
  return created
}

/** Renames so that a loss of power cannot undo it. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to)
  await using folder = await open(dirname(to))
  await folder.sync()
}

/** Writes a JSON file of mode 0600 which after a crash is either the old one or the new one. */
async function writeJson(file: string, value: object): Promise<void> {
  await writeFile(`${file}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600, flush: true })
  await renameDurably(`${file}.new`, file)
}

async function createRecord(dataDir: string, cluster: string): Promise<ClusterRecord> {
  const password = randomBytes(24).toString('base64url')
  await writeJson(recordPath(dataDir), { cluster, password })
  return recordOf(dataDir, { cluster, password })
}

function recordOf(dataDir: string, { cluster, password }: z.infer<typeof recordFile>) {
  const home = resolve(dataDir, cluster)
  return { dataDir, home, data: join(home, 'data'), password }
}

function ownerPath(home: string): string {
  return `${home}.json`
}

async function writeOwner(home: string, dataDir: string): Promise<void> {
  const { dev: device } = await stat(dataDir)
  await writeJson(ownerPath(home), { dataDir, device })
}

/** Whether another data folder still names the cluster. One that was moved does not exist any more. */
async function belongsToAnother(home: string, dataDir: string): Promise<boolean> {
  if (!existsSync(ownerPath(home))) return false
  const owner = await readJson(ownerPath(home), ownerFile)
  return owner.dataDir !== dataDir && (await readRecord(owner.dataDir))?.home === home
}

/** Removes the clusters whose data folder was deleted or has another cluster now, and stops their servers. */
async function removeAbandonedClusters(onProgress: (message: string) => void): Promise<void> {
  const owners = (await readdir(systemFolder)).filter((name) => name.endsWith('.json'))
  for (const name of owners) {
    const home = join(systemFolder, name.slice(0, -'.json'.length))
    try {
      const { dataDir, device } = await readJson(ownerPath(home), ownerFile)
      if (!(await isAbandoned(home, dataDir, device))) continue
      onProgress(
        `Removing the Postgres cluster ${home}: ${recordPath(dataDir)} is gone or names another one.`,
      )
      const data = join(home, 'data')
      const postmaster = await findPostmaster(data)
      if (postmaster) await stopPostmaster(postmaster.pid, data)
      await rm(home, { recursive: true, force: true })
      await rm(ownerPath(home), { force: true })
    } catch (error) {
      // Leftovers of others must not block the start.
      onProgress(`Could not tidy up ${home}: ${error instanceof Error ? error.message : error}`)
    }
  }
}

async function isAbandoned(home: string, dataDir: string, device: number): Promise<boolean> {
  if (existsSync(recordPath(dataDir))) return (await readRecord(dataDir))?.home !== home
  // A disk that is not mounted at the moment looks like a deleted folder: what is left of the path is on another one.
  let left = dataDir
  while (!existsSync(left)) left = dirname(left)
  return (await stat(left)).dev === device
}
