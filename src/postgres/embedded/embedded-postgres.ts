import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type ClusterOptions, makeDataDir } from './cluster.ts'
import { type FileLock, tryFileLock } from './file-lock.ts'
import { findPostmaster, isPostgresOf, stopPostmaster } from './postmaster.ts'
import { readRecord } from './record.ts'
import { databaseName, ensureServer, type Server, tryLogin } from './server.ts'

const pollMilliseconds = 20
const patienceMilliseconds = 120_000
const watchMilliseconds = 500
/** How often the owner asks whether the server still answers. */
const probeMilliseconds = 5_000

/**
 * Opens the Postgres server of a data folder. One process owns it: it makes the cluster the first time, starts the server or
 * adopts one that a killed process left behind, starts it again when it dies, and stops it at the end. The others are
 * guests, which only connect. When the owner ends, by a kill too, a guest becomes the owner, and the server goes on.
 *
 * Which process is what is kept by locks on `DATA_DIR/postgres.lock`: `reserved` of the owner, `shared` of
 * each guest, and `exclusive` of the last one while it stops the server.
 *
 * @throws when there are no binaries for this platform, when root finds no account to run Postgres, when the
 * disk is full, when Postgres ends while starting (with the end of its log), when `signal` aborts
 */
export async function openEmbeddedPostgres({
  dataDir: wanted,
  onProgress = () => {},
  signal,
}: Pick<ClusterOptions, 'dataDir'> & Partial<ClusterOptions>) {
  try {
    const dataDir = await makeDataDir(wanted)
    const deadline = Date.now() + patienceMilliseconds
    for (; ; await setTimeout(pollMilliseconds, undefined, { signal })) {
      const opened = await tryToOpen({ dataDir, onProgress, signal })
      if (opened) return present(opened, { dataDir, onProgress })
      if (Date.now() > deadline) {
        throw new Error(
          `Another process holds ${lockPath(dataDir)}, and Postgres has let nobody in for ${patienceMilliseconds} ms. ` +
            'Wait until that process has started or stopped it, or end that process.',
        )
      }
    }
  } catch (error) {
    signal?.throwIfAborted()
    throw explainFullDisk(error, wanted)
  }
}

/** As last seen. */
type Opened = Server & { lock: FileLock; isOwner: boolean; nextProbe: number }

function lockPath(dataDir: string): string {
  return join(dataDir, 'postgres.lock')
}

/** Null when the lock is not to be had, or when a guest finds no server that lets it in. */
async function tryToOpen(options: ClusterOptions): Promise<Opened | null> {
  const path = lockPath(options.dataDir)
  const ownersLock = tryFileLock(path, 'reserved')
  const lock = ownersLock ?? tryFileLock(path, 'shared')
  if (!lock) return null
  using failed = new DisposableStack()
  failed.defer(lock.release)
  const server = await (ownersLock ? ensureServer(options) : findServer(options))
  if (!server) return null
  failed.move()
  return { lock, isOwner: ownersLock !== null, nextProbe: Date.now() + probeMilliseconds, ...server }
}

async function findServer({ dataDir }: ClusterOptions): Promise<Server | null> {
  const record = await readRecord(dataDir)
  const server = record && (await findPostmaster(record.data))
  if (!server || (await tryLogin(server, record, 'wait')) !== 'accepted') return null
  return { isNew: false, record, port: server.port, pid: server.pid }
}

function present(opened: Opened, options: ClusterOptions) {
  const { isNew, record, port } = opened
  const stopping = new AbortController()
  const watched = watch(opened, { ...options, signal: stopping.signal })
  let closing: Promise<void> | undefined
  return {
    /**
     * Of the superuser `postgres`, with its password. It says `sslmode=disable`, so that a PGSSLMODE meant for another server
     * does no harm.
     */
    url: `postgres://postgres:${record.password}@127.0.0.1:${port}/${databaseName}?sslmode=disable`,
    /** True when this call had to run initdb: the database is empty. */
    isNew,
    /** Stops the server unless others use it: one of them owns it then. */
    close: async (): Promise<void> => {
      stopping.abort()
      closing ??= watched.then(() => close(opened, options.onProgress))
      await closing
    },
  }
}

/** Has the server run again, when it died or hangs, within seconds; returns when the signal aborts. */
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
        onProgress(`The embedded Postgres cannot be kept running; trying again: ${error}`)
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
  if ((await isPostgresOf(opened.pid, record.data)) && (await isAnswering(opened))) return
  const server = await ensureServer(options, port)
  opened.pid = server.pid
  if (server.port !== port)
    throw new Error(`It runs on port ${server.port} instead of ${port}. Start this process again, too.`)
}

async function isAnswering(opened: Opened): Promise<boolean> {
  if (Date.now() < opened.nextProbe) return true
  opened.nextProbe = Date.now() + probeMilliseconds
  return (await tryLogin({ ...opened, status: 'ready' }, opened.record, 'wait')) !== 'silent'
}

async function close(
  { lock, record, ...opened }: Opened,
  onProgress: ClusterOptions['onProgress'],
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
  if (!(error instanceof Error && fullDisk.test(error.message))) return error
  const reason = `The disk is full, and the embedded Postgres of ${dataDir} cannot run.`
  return new Error(`${reason} Free some space, or set DATA_DIR to a folder on another disk.`, {
    cause: error,
  })
}
