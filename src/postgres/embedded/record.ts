import { join, resolve } from 'node:path'
import { z } from 'zod'
import { exists, readJson, writeJson } from './files.ts'

const recordFile = z.object({ cluster: z.string(), password: z.string() })

/** What `DATA_DIR/postgres.json` says. */
export type ClusterRecord = {
  /** Absolute path of the folder that holds the cluster. */
  home: string
  /** The password of the superuser `postgres`. */
  password: string
}

export function recordPath(dataDir: string): string {
  return join(dataDir, 'postgres.json')
}

/**
 * The record of a data folder, or undefined when it has none.
 *
 * @throws when the record cannot be read or understood
 */
export async function readRecord(dataDir: string): Promise<ClusterRecord | undefined> {
  const file = recordPath(dataDir)
  if (!(await exists(file))) return undefined
  try {
    const { cluster, password } = recordFile.parse(await readJson(file))
    return { home: resolve(dataDir, cluster), password }
  } catch (cause) {
    throw new Error(
      `Cannot read ${file}, which says where the embedded Postgres is. Is it whole, and does it belong to this user?`,
      { cause },
    )
  }
}

/** A cluster inside the data folder is recorded by its relative path, so that the folder can be moved. */
export async function writeRecord(dataDir: string, { home, password }: ClusterRecord): Promise<void> {
  const cluster = home === localHome(dataDir) ? LOCAL : home
  await writeJson(recordPath(dataDir), { cluster, password })
}

const LOCAL = 'postgres'

/** Where a cluster lives when it can live inside the data folder. */
export function localHome(dataDir: string): string {
  return join(dataDir, LOCAL)
}
