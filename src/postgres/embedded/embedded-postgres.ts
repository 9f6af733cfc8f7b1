import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { makeDataDir, prepareCluster } from './cluster.ts'
import { endIfLast, hold } from './holder.ts'
import type { Cluster } from './initdb.ts'
import { keepServer } from './keep.ts'
import { withFileLock } from './lock.ts'
import { tryLogin } from './login.ts'
import { findPostmaster, isPostgresOf, stopPostmaster } from './postmaster.ts'
import { connectToServer, type ServerSession } from './server.ts'

const DATABASE = 'report_gateway'

export type EmbeddedPostgres = {
  /**
   * `postgres://` URL with password, of the superuser `postgres` and the database `report_gateway`, on
   * 127.0.0.1. It says `sslmode=disable`, so that a PGSSLMODE meant for another server does no harm.
   */
  url: string
  /** True when this call had to run initdb: the database is empty. */
  isNew: boolean
  /** Gives the server up, and stops it when nobody else uses it. May be called again; does nothing then. */
  close(): Promise<void>
}

export type EmbeddedPostgresOptions = {
  /** Folder of the cluster, absolute or relative to the working folder; made when missing. */
  dataDir: string
  /** Takes a sentence on what is being done. */
  log?: (message: string) => void
  /** Ends the wait for a slow start; what was started is stopped again. */
  signal?: AbortSignal
}

/**
 * Opens the Postgres server of a data folder: makes the cluster the first time, starts the server unless it
 * runs, and takes over one that a killed process left behind. Several processes may share one server; the
 * last to close stops it. While it is open, a server that was killed is started again where it was.
 *
 * @throws when there are no binaries for this platform, when root finds no account to run Postgres, when the
 * disk is full, when Postgres ends while starting (with the end of its log), when `signal` aborts
 */
export async function openEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { log = () => {}, signal } = options
  try {
    const dataDir = await makeDataDir(options.dataDir)
    const opened = await withFileLock({ file: lockPath(dataDir), signal }, async () => {
      const { cluster, isNew } = await prepareCluster(dataDir, { log, signal })
      const session = await connectToServer({ cluster, log, signal })
      await openDatabase(session, cluster)
      return { cluster, session, isNew }
    })
    return present(opened, log)
  } catch (error) {
    signal?.throwIfAborted()
    throw explainFullDisk(error, options.dataDir)
  }
}

function lockPath(dataDir: string): string {
  return join(dataDir, 'postgres.lock')
}

type Opened = { cluster: Cluster; session: ServerSession; isNew: boolean }

async function openDatabase({ client, pid }: ServerSession, { data }: Cluster): Promise<void> {
  try {
    await hold(client)
    const { rowCount } = await client.query('select from pg_database where datname = $1', [DATABASE])
    if (rowCount === 0) await client.query(`create database ${DATABASE}`)
  } catch (error) {
    // Most likely the server itself is in trouble; what went wrong first is what the caller must hear.
    const isLast = await endIfLast(client).catch(() => false)
    if (isLast) await stopPostmaster(pid, data)
    throw error
  }
}

function present({ cluster, session, isNew }: Opened, log: (message: string) => void): EmbeddedPostgres {
  const { port } = session
  const kept = keepServer({
    session,
    reopen: (signal) =>
      withFileLock({ file: lockPath(cluster.dataDir), signal }, async () => {
        const again = await connectToServer({ cluster, log, signal, port })
        if (again.port === port) await hold(again.client)
        else throw await notThere(again, port)
        return again
      }),
    log,
  })
  let closing: Promise<void> | undefined
  const release = async () => await releaseServer({ cluster, ...kept.current(), log })
  const close = async (): Promise<void> => {
    await kept.stop()
    // A data folder that was deleted has no lock and, without its record, no other opener.
    const isThere = existsSync(cluster.dataDir)
    await (isThere ? withFileLock({ file: lockPath(cluster.dataDir) }, release) : release())
  }

  return {
    url: `postgres://postgres:${cluster.password}@127.0.0.1:${port}/${DATABASE}?sslmode=disable`,
    isNew,
    async close() {
      closing ??= close()
      await closing
    },
  }
}

async function notThere({ client, ...server }: ServerSession, port: number): Promise<Error> {
  await client.end()
  return new Error(
    `Postgres (process ${server.pid}) was started again on port ${server.port} instead of ${port}. Start this process again, too.`,
  )
}

type Release = { cluster: Cluster; session: ServerSession; isLost: boolean; log: (message: string) => void }

async function releaseServer({ cluster, session, isLost, log }: Release): Promise<void> {
  const server = await findPostmaster(cluster.data)
  // When its data folder was deleted a server has no pid file any more, and is still to be stopped.
  const pid = server?.pid ?? ((await isPostgresOf(session.pid, cluster.data)) ? session.pid : undefined)
  if (pid === undefined) return
  try {
    const login = isLost && server ? await tryLogin(server.port, cluster, { log }) : session
    if (!login.client) throw login.error
    if (!(await endIfLast(login.client))) return
  } catch (error) {
    // It was not seen to be ours alone.
    log(`Postgres (process ${pid}) does not answer and is left to the next start: ${error}`)
    return
  }
  await stopPostmaster(pid, cluster.data)
  log(`Stopped Postgres (process ${pid}).`)
}

/** As Node, Postgres and initdb say it. */
const FULL_DISK = /ENOSPC|No space left on device|Check free disk space/

function explainFullDisk(error: unknown, dataDir: string): unknown {
  const isFull = error instanceof Error && FULL_DISK.test(error.message)
  if (!isFull) return error
  const reason = `The disk is full, and the embedded Postgres of ${dataDir} cannot run.`
  return new Error(`${reason} Free some space, or set DATA_DIR to a folder on another disk.`, {
    cause: error,
  })
}
