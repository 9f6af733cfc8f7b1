import { randomBytes } from 'node:crypto'
import { chmod, mkdir, realpath, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Account, canReach, ENTER, unprivilegedAccount } from './account.ts'
import { reachableBinaries } from './binaries.ts'
import { exists, giveFolder } from './files.ts'
import { type Cluster, createCluster, removeLeftovers } from './initdb.ts'
import { type ClusterRecord, localHome, readRecord, recordPath, writeRecord } from './record.ts'
import {
  belongsToAnother,
  nearestExisting,
  removeAbandonedClusters,
  SYSTEM_DIR,
  withSystemDir,
  writeOwner,
} from './system.ts'

type Options = { log: (message: string) => void; signal?: AbortSignal | undefined }

/**
 * Makes the data folder when it is missing, for us alone; as root and below folders that everybody can enter,
 * enterable (0711), so that an unprivileged Postgres reaches its cluster in it. Gives its real path.
 *
 * @throws when it cannot be made, or when root finds no account to run Postgres
 */
export async function makeDataDir(path: string): Promise<string> {
  const wanted = resolve(path)
  const account = await postgresAccount()
  const above = await nearestExisting(wanted)
  const enterable = account !== undefined && (await canReach(account, above, ENTER))
  try {
    const made = await mkdir(wanted, { recursive: true, mode: 0o700 })
    // Not by mkdir, which the umask of a careful user would overrule.
    if (made !== undefined && enterable) await chmod(wanted, 0o711)
    return await realpath(wanted)
  } catch (cause) {
    throw new Error(
      `Cannot make the data folder ${wanted}. Set DATA_DIR to one that this user may write to.`,
      { cause },
    )
  }
}

/** `isNew`: initdb had to run. */
export type PreparedCluster = { cluster: Cluster; isNew: boolean }

/**
 * The cluster of a data folder, made when there is none. Call it while holding the lock of the data folder.
 *
 * @throws when the password of a cluster is lost, when there is no binary or account to run it, when initdb
 * fails
 */
export async function prepareCluster(dataDir: string, options: Options): Promise<PreparedCluster> {
  const { home, password } = await claimRecord(dataDir, options)
  const data = join(home, 'data')
  const account = await accountOf(data)
  const binaries = await reachableBinaries(account, options.signal)
  const cluster = { dataDir, home, data, logFile: join(home, 'postgres.log'), password, account, binaries }

  const isNew = !(await exists(data))
  if (isNew) {
    options.log(`Creating a Postgres cluster in ${home}.`)
    await mkdir(home, { recursive: true, mode: 0o700 })
    if (account) await chmod(home, 0o711)
  }
  await removeLeftovers(home)
  if (isNew) await createCluster(cluster, options.signal)
  else if (account && !(await canReach(account, data, ENTER))) throw unreachable(data, account)
  return { cluster, isNew }
}

function unreachable(data: string, { uid }: Account): Error {
  return new Error(
    `Postgres cannot run as root, and user ${uid}, who runs it here, may not enter a folder above ${data}. ` +
      'Was it moved below a folder of root? Move it back, or let others enter those folders (chmod o+x).',
  )
}

async function postgresAccount(): Promise<Account | undefined> {
  return process.getuid?.() === 0 ? await unprivilegedAccount() : undefined
}

/** As root, a cluster that exists is run by its owner: it may have been made by an ordinary user. */
async function accountOf(data: string): Promise<Account | undefined> {
  const account = await postgresAccount()
  if (!account || !(await exists(data))) return account
  const { uid, gid } = await stat(data)
  if (uid !== 0) return { uid, gid }
  // Postgres never made this: someone copied the folder as root.
  await giveFolder(data, account)
  return account
}

async function claimRecord(dataDir: string, options: Options): Promise<ClusterRecord> {
  const record = await readRecord(dataDir)
  if (!record) return await newRecord(dataDir, options)
  if (dirname(record.home) !== SYSTEM_DIR) return record
  const isOurs = await withSystemDir(async () => {
    if (await belongsToAnother(record.home, dataDir)) return false
    await writeOwner(record.home, dataDir)
    return true
  }, options.signal)
  if (isOurs) return record
  options.log(`${dataDir} is a copy: the cluster that it names belongs to the original.`)
  return await newRecord(dataDir, options)
}

/**
 * Written before the cluster is made: from then on a crash leaves nothing that the next start does not
 * finish.
 */
async function newRecord(dataDir: string, { log, signal }: Options): Promise<ClusterRecord> {
  const password = randomBytes(24).toString('base64url')
  const account = await postgresAccount()
  if (!account || (await canReach(account, dataDir, ENTER))) {
    const record = { home: localHome(dataDir), password }
    if (await exists(join(record.home, 'data'))) {
      throw new Error(
        `${record.home} holds a Postgres cluster, but ${recordPath(dataDir)} with its password is gone. ` +
          'Restore that file, or move the folder away to begin with an empty database.',
      )
    }
    await writeRecord(dataDir, record)
    return record
  }
  return await withSystemDir(async () => {
    const record = { home: join(SYSTEM_DIR, randomBytes(8).toString('hex')), password }
    await writeRecord(dataDir, record)
    await writeOwner(record.home, dataDir)
    await removeAbandonedClusters(log)
    return record
  }, signal)
}
