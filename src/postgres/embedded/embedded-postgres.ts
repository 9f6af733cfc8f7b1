import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type ClusterOptions, makeDataDir, readCluster } from './cluster.ts'
import { type FileLock, tryFileLock } from './file-lock.ts'
import { findPostmaster, isPostgresOf, stopPostmaster } from './postmaster.ts'
import { ensureServer, type Server, serverUrl, tryLogin } from './server.ts'

const pollMilliseconds = 20
const patienceMilliseconds = 120_000
const watchMilliseconds = 500
/** At every tenth look the owner asks whether the server still answers. */
const looksPerProbe = 10

/** As Node, Postgres and initdb say it. */
const fullDisk = /ENOSPC|No space left on device|Check free disk space/

/** The lock is `reserved` for the owner, and `shared` for a guest. */
type Opened = { lock: FileLock; server: Server }

/**
 * Opens the Postgres server of a data folder. One process owns it: it makes the cluster the first time, starts the server or
 * adopts one that a killed process left behind, starts it again when it dies, and stops it at the end. The others are
 * guests, which only connect. When the owner ends, by a kill too, a guest becomes the owner, and the server goes on.
 *
 * Which process is what is kept by locks on `DATA_DIR/postgres.lock`: `reserved` of the owner, `shared` of
 * each guest, and `exclusive` of the last one while it stops the server.
 *
 * @throws as ensureServer, when the disk is full, when `signal` aborts
 */
export async function openEmbeddedPostgres(
  wanted: Pick<ClusterOptions, 'dataDir'> & Partial<ClusterOptions>,
) {
  try {
    const options = { onProgress: () => {}, ...wanted, dataDir: await makeDataDir(wanted.dataDir) }
    const deadline = Date.now() + patienceMilliseconds
    while (Date.now() < deadline) {
      const opened = await tryToOpen(options)
      if (opened) return present(opened, options)
      await setTimeout(pollMilliseconds, undefined, { signal: wanted.signal })
    }
    throw new Error(
      `Another process holds ${lockPath(options)}, and Postgres has let nobody in for ${patienceMilliseconds} ms. ` +
        'Wait until that process has started or stopped it, or end that process.',
    )
  } catch (cause) {
    wanted.signal?.throwIfAborted()
    if (!(cause instanceof Error && fullDisk.test(cause.message))) throw cause
    throw new Error(
      `The disk is full, and the embedded Postgres of ${wanted.dataDir} cannot run. ` +
        'Free some space, or set DATA_DIR to a folder on another disk.',
      { cause },
    )
  }
}

function lockPath({ dataDir }: ClusterOptions): string {
  return join(dataDir, 'postgres.lock')
}

/** Null when the lock is not to be had, or when a guest finds no server that lets it in. */
async function tryToOpen(options: ClusterOptions): Promise<Opened | null> {
  const lock = tryFileLock(lockPath(options), 'reserved') ?? tryFileLock(lockPath(options), 'shared')
  if (!lock) return null
  using failed = new DisposableStack()
  failed.defer(lock.release)
  const server = await (lock.mode === 'reserved' ? ensureServer(options) : findServer(options))
  if (!server) return null
  failed.move()
  return { lock, server }
}

async function findServer({ dataDir }: ClusterOptions): Promise<Server | null> {
  const cluster = await readCluster(dataDir)
  const postmaster = cluster && (await findPostmaster(cluster.data))
  if (!postmaster) return null
  const server = { ...cluster, ...postmaster }
  return (await tryLogin(server, 'wait')) === 'accepted' ? server : null
}

function present(opened: Opened, options: ClusterOptions) {
  const stopping = new AbortController()
  const watched = watch(opened, { ...options, signal: stopping.signal })
  const closed = watched.then(() => close(opened, options))
  return {
    /** Of the superuser `postgres`, with its password. */
    url: serverUrl(opened.server),
    /** True when this call had to run initdb: the database is empty. */
    isNew: opened.server.isNew,
    /** Stops the server unless others use it: one of them owns it then. */
    close: (): Promise<void> => {
      stopping.abort()
      return closed
    },
  }
}

/** Has the server run again, when it died or hangs, within seconds; returns when the signal aborts. */
async function watch(opened: Opened, options: ClusterOptions & { signal: AbortSignal }): Promise<void> {
  const { signal, onProgress } = options
  let hasFailed = false
  for (let look = 1; !signal.aborted; look++) {
    try {
      await setTimeout(watchMilliseconds, undefined, { signal })
      await keepRunning(opened, options, look % looksPerProbe === 0)
      hasFailed = false
    } catch (error) {
      if (!signal.aborted && !hasFailed)
        onProgress(`The embedded Postgres cannot be kept running; trying again: ${error}`)
      hasFailed = true
    }
  }
}

async function keepRunning(opened: Opened, options: ClusterOptions, probes: boolean): Promise<void> {
  if (opened.lock.mode === 'shared') {
    const lock = tryFileLock(lockPath(options), 'reserved')
    if (!lock) return
    opened.lock.release()
    opened.lock = lock
  }
  const { server } = opened
  const isRunning = await isPostgresOf(server.pid, server.data)
  if (isRunning && !(probes && (await tryLogin(server, 'wait')) === 'silent')) return
  const { pid, port } = await ensureServer(options, server.port)
  server.pid = pid
  if (port !== server.port)
    throw new Error(`It runs on port ${port} instead of ${server.port}. Start this process again, too.`)
}

async function close({ lock, server }: Opened, { onProgress }: ClusterOptions): Promise<void> {
  try {
    if (!lock.makeExclusive()) return
    // A server whose data folder was deleted has no pid file any more.
    const { pid } = (await findPostmaster(server.data)) ?? server
    if (!(await isPostgresOf(pid, server.data))) return
    await stopPostmaster(pid, server.data)
    onProgress(`Stopped Postgres (process ${pid}).`)
  } finally {
    lock.release()
  }
}
