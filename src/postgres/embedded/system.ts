import { chmod, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { exists, readJson, writeJson } from './files.ts'
import { withFileLock } from './lock.ts'
import { findPostmaster, stopPostmaster } from './postmaster.ts'
import { readRecord, recordPath } from './record.ts'

/**
 * Where root keeps what an unprivileged Postgres must reach when the checkout or the data folder lies below a
 * folder which only root can enter: copies of the binaries, and clusters with their owners:
 *
 *     postgres-<package version>/   binaries
 *     <cluster id>/                 a cluster
 *     <cluster id>.json             which DATA_DIR it belongs to
 *     lock                          held while any of these is made or removed
 */
export const SYSTEM_DIR = '/var/lib/report-gateway'

const OWNER_SUFFIX = '.json'

/** `device`: the file system that DATA_DIR was on. */
const ownerFile = z.object({ dataDir: z.string(), device: z.number() })

/** Makes `SYSTEM_DIR` when missing and runs `work` while no other process does the same. */
export async function withSystemDir<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    await mkdir(SYSTEM_DIR, { recursive: true })
    await chmod(SYSTEM_DIR, 0o755)
  } catch (cause) {
    throw new Error(
      `Postgres cannot run as root, and ${SYSTEM_DIR}, where another account could run it, cannot be made. ` +
        'Run as an ordinary user, or set DATABASE_URL.',
      { cause },
    )
  }
  return await withFileLock({ file: join(SYSTEM_DIR, 'lock'), signal }, work)
}

/** Writes down that the cluster at `home` belongs to `dataDir`. */
export async function writeOwner(home: string, dataDir: string): Promise<void> {
  const { dev: device } = await stat(dataDir)
  await writeJson(home + OWNER_SUFFIX, { dataDir, device })
}

/**
 * Whether the cluster at `home` belongs to another data folder, which is still there and names it too: then
 * the one that asks is a copy of that folder. A folder that was moved is not.
 */
export async function belongsToAnother(home: string, dataDir: string): Promise<boolean> {
  if (dirname(home) !== SYSTEM_DIR || !(await exists(home + OWNER_SUFFIX))) return false
  const owner = ownerFile.parse(await readJson(home + OWNER_SUFFIX))
  return owner.dataDir !== dataDir && (await readRecord(owner.dataDir))?.home === home
}

/** Removes the clusters whose data folder was deleted or has another cluster now, and stops their servers. */
export async function removeAbandonedClusters(log: (message: string) => void): Promise<void> {
  for (const name of await readdir(SYSTEM_DIR)) {
    if (!name.endsWith(OWNER_SUFFIX)) continue
    const home = join(SYSTEM_DIR, name.slice(0, -OWNER_SUFFIX.length))
    try {
      const { dataDir, device } = ownerFile.parse(await readJson(home + OWNER_SUFFIX))
      if (!(await isAbandoned(home, dataDir, device))) continue
      log(`Removing the Postgres cluster ${home}: ${recordPath(dataDir)} is gone or names another one.`)
      const data = join(home, 'data')
      const postmaster = await findPostmaster(data)
      if (postmaster) await stopPostmaster(postmaster.pid, data)
      await rm(home, { recursive: true, force: true })
      await rm(home + OWNER_SUFFIX)
    } catch (error) {
      // Someone else's leftovers must not keep us from starting.
      log(`Could not tidy up ${home}: ${error instanceof Error ? error.message : error}`)
    }
  }
}

/** `path`, or the closest folder above it that exists. */
export async function nearestExisting(path: string): Promise<string> {
  let folder = path
  while (!(await exists(folder))) folder = dirname(folder)
  return folder
}

async function isAbandoned(home: string, dataDir: string, device: number): Promise<boolean> {
  if (await exists(recordPath(dataDir))) return (await readRecord(dataDir))?.home !== home
  // A disk that is not mounted at the moment looks like a deleted folder: what is left of the path is on
  // another one.
  return (await stat(await nearestExisting(dataDir))).dev === device
}
