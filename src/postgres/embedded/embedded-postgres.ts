import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type ClusterOptions, makeDataDir, prepareCluster } from './cluster.ts'
import { type FileLock, tryFileLock } from './file-lock.ts'
import { canLogIn, databaseName } from './login.ts'
import { findPostmaster, isPostgresOf, stopPostmaster } from './postmaster.ts'
import { type ClusterRecord, readRecord } from './record.ts'
import { ensureServer } from './server.ts'

const pollMilliseconds = 20
/** How long to wait for the server that another process starts. */
const patienceMilliseconds = 120_000
const watchMilliseconds = 500

export type EmbeddedPostgres = {
  /**
   * `postgres://` URL with password, of the superuser `postgres` and the database `report_gateway`, on
   * 127.0.0.1. It says `sslmode=disable`, so that a PGSSLMODE meant for another server does no harm.
   */
  url: string
  /** True when this call had to run initdb: the database is empty. */
  isNew: boolean
  /** Stops the server unless others use it: one of them owns it then. Further calls do nothing. */
  close(): Promise<void>
}

export type EmbeddedPostgresOptions = {
  /** Folder of the cluster, absolute or relative to the working folder; made when missing. */
  dataDir: string
  /** Receives a sentence on each step. */
  onProgress?: (message: string) => void
  /** Ends the wait for a slow start; what was started is stopped again. */
  signal?: AbortSignal | undefined
}

/**
 * Opens the Postgres server of a data folder. One process owns it: it makes the cluster the first time, starts
 * the server or adopts one that a killed process left behind, starts it again when it dies, and stops it at
 * the end. The others are guests, which only connect. When the owner ends, by a kill too, a guest becomes the
 * owner, and the server goes on.
 *
 * Which process is what is kept by locks on `DATA_DIR/postgres.lock`: `reserved` of the owner, `shared` of
 * each guest, and `exclusive` of the last one while it stops the server.
 *
 * @throws when there are no binaries for this platform, when root finds no account to run Postgres, when the
 * disk is full, when Postgres ends while starting (with the end of its log), when `signal` aborts
 */
export async function openEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { signal } = options
  try {
    const dataDir = await makeDataDir(options.dataDir)
    const cluster = { dataDir, onProgress: options.onProgress ?? (() => {}), signal }
    const deadline = Date.now() + patienceMilliseconds
    for (; ; await setTimeout(pollMilliseconds, undefined, { signal })) {
      const opened = (await openAsOwner(cluster)) ?? (await openAsGuest(cluster))
      if (opened) return present(opened, cluster)
      if (Date.now() > deadline) {
        throw new Error(
          `${lockPath(dataDir)} has been locked by another process for ${patienceMilliseconds} ms: ` +
            'it is still starting or stopping Postgres. Wait for it, or end it.',
        )
      }
    }
  } catch (error) {
    signal?.throwIfAborted()
    throw explainFullDisk(error, options.dataDir)
  }
}

type Opened = {
  lock: FileLock
  isOwner: boolean
  isNew: boolean
  record: ClusterRecord
  port: number
  /** Of the postmaster, as last seen. */
  pid: number
}

function lockPath(dataDir: string): string {
  return join(dataDir, 'postgres.lock')
}

/** Null when another process owns the server. */
async function openAsOwner(options: ClusterOptions): Promise<Opened | null> {
  const lock = tryFileLock(lockPath(options.dataDir), 'reserved')
  if (!lock) return null
  using failed = new DisposableStack()
  failed.defer(lock.release)
  const cluster = await prepareCluster(options)
  const { pid, port } = await ensureServer({ ...options, cluster })
  failed.move()
  return { lock, isOwner: true, isNew: cluster.isNew, record: cluster, port, pid }
}

/** Null when no server lets us in. */
async function openAsGuest({ dataDir }: ClusterOptions): Promise<Opened | null> {
  const lock = tryFileLock(lockPath(dataDir), 'shared')
  if (!lock) return null
  using failed = new DisposableStack()
  failed.defer(lock.release)
  const record = await readRecord(dataDir)
  const server = record && (await findPostmaster(record.data))
  if (!server || !(await canLogIn(server, record, 'wait'))) return null
  failed.move()
  return { lock, isOwner: false, isNew: false, record, port: server.port, pid: server.pid }
}

function present(opened: Opened, options: ClusterOptions): EmbeddedPostgres {
  const { isNew, record, port } = opened
  const stopping = new AbortController()
  const watched = watch(opened, { ...options, signal: stopping.signal })
  let closing: Promise<void> | undefined
  return {
    url: `postgres://postgres:${record.password}@127.0.0.1:${port}/${databaseName}?sslmode=disable`,
    isNew,
    close: async () => {
      stopping.abort()
      closing ??= watched.then(() => close(opened, options.onProgress))
      await closing
    },
  }
}

/** Has the server run again, when it died, within seconds; returns when the signal aborts. */
async function watch(opened: Opened, options: ClusterOptions & { signal: AbortSignal }): Promise<void> {
  const { signal, onProgress } = options
  let hasFailed = false
  while (!signal.aborted) {
    try {
      await setTimeout(watchMilliseconds, undefined, { signal })
      await keepRunning(opened, options)
      hasFailed = false
    } catch (error) {
      if (!signal.aborted && !hasFailed)
        onProgress(`The embedded Postgres is gone and cannot be started again; trying once more: ${error}`)
      hasFailed = true
    }
  }
}

async function keepRunning(opened: Opened, options: ClusterOptions): Promise<void> {
  if (!opened.isOwner) {
    const lock = tryFileLock(lockPath(options.dataDir), 'reserved')
    if (!lock) return
    opened.lock.release()
    opened.lock = lock
    opened.isOwner = true
  }
  const { record, port } = opened
  if (await isPostgresOf(opened.pid, record.data)) return
  const server = await ensureServer({ ...options, cluster: await prepareCluster(options), port })
  opened.pid = server.pid
  if (server.port !== port)
    throw new Error(`It runs on port ${server.port} instead of ${port}. Start this process again, too.`)
}

async function close(
  { lock, record, ...opened }: Opened,
  onProgress: (message: string) => void,
): Promise<void> {
  try {
    if (!lock.makeExclusive()) return
    // A server whose data folder was deleted has no pid file any more.
    const { pid } = (await findPostmaster(record.data)) ?? opened
    if (!(await isPostgresOf(pid, record.data))) return
    await stopPostmaster(pid, record.data)
    onProgress(`Stopped Postgres (process ${pid}).`)
  } finally {
    lock.release()
  }
}

/** As Node, Postgres and initdb say it. */
const fullDisk = /ENOSPC|No space left on device|Check free disk space/

function explainFullDisk(error: unknown, dataDir: string): unknown {
  const isFull = error instanceof Error && fullDisk.test(error.message)
  if (!isFull) return error
  const reason = `The disk is full, and the embedded Postgres of ${dataDir} cannot run.`
  return new Error(`${reason} Free some space, or set DATA_DIR to a folder on another disk.`, {
    cause: error,
  })
}
