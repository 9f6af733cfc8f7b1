import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type ClusterOptions, makeDataDir, readCluster } from './cluster.ts'
import { type FileLock, tryFileLock } from './file-lock.ts'
import { findPostmaster, isPostgresOf, stopPostmaster } from './postmaster.ts'
import { ensureServer, type Server, serverUrl, tryLogin } from './server.ts'

const pollMilliseconds = 20
const maxOpenMilliseconds = 120_000
const checkMilliseconds = 500
/** At every tenth check the owner also probes whether the server responds. */
const checksPerProbe = 10

/** Messages of Node, Postgres and initdb. */
const fullDisk = /ENOSPC|No space left on device|Check free disk space/

/** The lock is `reserved` for the owner, and `shared` for a guest. */
type Opened = { lock: FileLock; server: Server }

/**
 * Opens the Postgres server of a data folder. One process owns the server: it creates the cluster the first time, starts the
 * server or adopts one that a killed process left running, restarts it when it dies, and stops it at the end. Other processes
 * are guests, which only connect. When the owner ends, even by a kill, a guest becomes the owner, and the server keeps running.
 *
 * Locks on `DATA_DIR/postgres.lock` record the roles: `reserved` for the owner, `shared` for each guest, and `exclusive` for
 * the last process while it stops the server.
 *
 * @throws as ensureServer, when the disk is full, when `signal` aborts
 */
export async function openEmbeddedPostgres(
  wanted: Pick<ClusterOptions, 'dataDir'> & Partial<ClusterOptions>,
) {
  try {
    const options = { onProgress: () => {}, ...wanted, dataDir: await makeDataDir(wanted.dataDir) }
    const deadline = performance.now() + maxOpenMilliseconds
    while (performance.now() < deadline) {
      const opened = await tryToOpen(options)
      if (opened) return present(opened, options)
      await setTimeout(pollMilliseconds, undefined, { signal: wanted.signal })
    }
    throw new Error(
      `Another process holds ${lockPath(options)}, and Postgres accepted no login for ${maxOpenMilliseconds} ms. ` +
        'Wait until that process has started or stopped Postgres, or stop that process.',
    )
  } catch (cause) {
    wanted.signal?.throwIfAborted()
    if (!(cause instanceof Error && fullDisk.test(cause.message))) throw cause
    throw new Error(
      `The disk is full, so the embedded Postgres in ${wanted.dataDir} cannot run. ` +
        'Free disk space, or set DATA_DIR to a folder on another disk.',
      { cause },
    )
  }
}

function lockPath({ dataDir }: ClusterOptions): string {
  return join(dataDir, 'postgres.lock')
}

/** Null when the lock is not available, or when a guest finds no server that accepts its login. */
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
    /** Connection URL of the superuser `postgres`, with the password. */
    url: serverUrl(opened.server),
    /** True when this call ran initdb, so that the database is empty. */
    isNew: opened.server.isNew,
    /** Stops the server, unless other processes use it: one of them then becomes the owner. */
    close: (): Promise<void> => {
      stopping.abort()
      return closed
    },
  }
}

/** Restarts the server within seconds when it dies or hangs; returns when the signal aborts. */
async function watch(opened: Opened, options: ClusterOptions & { signal: AbortSignal }): Promise<void> {
  const { signal, onProgress } = options
  let hasFailed = false
  for (let check = 1; !signal.aborted; check++) {
    try {
      await setTimeout(checkMilliseconds, undefined, { signal })
      await keepRunning(opened, options, check % checksPerProbe === 0)
      hasFailed = false
    } catch (error) {
      if (!signal.aborted && !hasFailed)
        onProgress(`Failed to keep the embedded Postgres running; trying again: ${error}`)
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
    throw new Error(`Postgres now runs on port ${port} instead of ${server.port}. Restart this process, too.`)
}

async function close({ lock, server }: Opened, { onProgress }: ClusterOptions): Promise<void> {
  try {
    if (!lock.makeExclusive()) return
    // After its data folder was deleted, a server has no pid file.
    const { pid } = (await findPostmaster(server.data)) ?? server
    if (!(await isPostgresOf(pid, server.data))) return
    await stopPostmaster(pid, server.data)
    onProgress(`Stopped Postgres (process ${pid}).`)
  } finally {
    lock.release()
  }
}
