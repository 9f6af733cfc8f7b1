import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import pg from 'pg'
import { postgresCommand } from './binaries.ts'
import { type Cluster, type ClusterOptions, prepareCluster } from './cluster.ts'
import { isPostgresOf, type Postmaster, pidFile, readPidFile, stopPostmaster } from './postmaster.ts'

const databaseName = 'report_gateway'

const pollMilliseconds = 20
/** Recovery after a crash can take long. */
const startMilliseconds = 120_000
/** A server of another process that does not respond for this time is stopped and replaced. */
const silenceMilliseconds = 10_000
const loginLimits = { connectionTimeoutMillis: 10_000, query_timeout: 10_000 }
const maxLogBytes = 8 * 1024 * 1024
const shownLogLines = 12

/** Settings for a small machine that also runs the gateway. All others, durability in particular, are the defaults. */
const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  shared_buffers: '256MB',
  max_connections: '200',
  max_wal_size: '2GB',
  // Most disks are SSDs.
  random_page_cost: '1.1',
}

/** Temporary failures: another program took the port, or the processes of the last server are still ending. */
const temporaryFailure = /could not create any TCP\/IP sockets|pre-existing shared memory block/

/** A cluster with its server, as of the last accepted login. */
export type Server = Cluster & Postmaster

/**
 * Returns the server of a data folder, with its cluster and the database `report_gateway`: the running server if it accepts a
 * login, otherwise a new one, which outlives this process. Only the process that owns the server can call this; the lock of
 * Postgres on its data is the last guard.
 *
 * @param port where a new server must listen. Default: the port of the last server, or any free port
 * @throws as prepareCluster, and when Postgres ends while starting (with the last lines of its log), rejects the password, or
 *   takes too long; a new server is stopped then
 */
export async function ensureServer(options: ClusterOptions, port?: number): Promise<Server> {
  const { onProgress, signal } = options
  const cluster = await prepareCluster(options)
  const { data, logFile } = cluster
  const reportServer = (verb: string, postmaster: Postmaster): Server => {
    onProgress(`${verb} Postgres (process ${postmaster.pid}) at 127.0.0.1:${postmaster.port}.`)
    return { ...cluster, ...postmaster }
  }
  const last = await readPidFile(data)
  if (last && (await isPostgresOf(last.pid, data))) {
    const found = await waitForLogin(cluster, last.pid, silenceMilliseconds, signal)
    if (found) return reportServer('Found', found)
    onProgress(`Postgres (process ${last.pid}) does not respond; stopping it.`)
    await stopPostmaster(last.pid, data)
  }
  const deadline = performance.now() + startMilliseconds
  for (let chosenPort = port ?? last?.port; ; chosenPort = port) {
    const { pid, readLogTail } = await startPostmaster(cluster, chosenPort || (await freePort()))
    // A restart is not aborted: guests can be logged in, and the owner stops the server after the last of them.
    const abort = port ? undefined : signal
    const started = await waitForLogin(cluster, pid, startMilliseconds, abort).catch(async (error) => {
      await stopPostmaster(pid, data)
      throw error
    })
    if (started) return reportServer('Started', started)
    const logTail = await readLogTail()
    if (!temporaryFailure.test(logTail) || performance.now() > deadline)
      throw new Error(`Postgres ended while starting on ${data}. The end of its log ${logFile}:\n${logTail}`)
    await setTimeout(pollMilliseconds, undefined, { signal })
  }
}

/** The connection URL of the superuser. It sets `sslmode=disable`, which overrides a PGSSLMODE for another server. */
export function serverUrl({ password, port }: Server, database = databaseName): string {
  return `postgres://postgres:${password}@127.0.0.1:${port}/${database}?sslmode=disable`
}

/**
 * Tries to log in to the database `report_gateway` of a server; with `create`, creates the database when it is missing.
 *
 * @returns `accepted` after a login; `answered` when the server responds but does not accept logins yet, because it is
 *   recovering or has no free connection; `silent` when it does not respond
 * @throws when the server rejects the password, when the database cannot be created
 */
export async function tryLogin(server: Server, whenMissing: 'create' | 'wait') {
  // Before the server is ready, an attempt would only add errors to its log.
  if (server.status !== 'ready') return server.status === 'starting' ? 'answered' : 'silent'
  const url = serverUrl(server, whenMissing === 'create' ? 'postgres' : databaseName)
  const client = new pg.Client({ connectionString: url, ...loginLimits })
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (cause) {
    if (!(cause instanceof pg.DatabaseError)) return 'silent'
    // Class 28 is an invalid authorization: waiting does not help.
    if (!cause.code?.startsWith('28')) return 'answered'
    throw new Error(`The embedded Postgres rejects the password in ${server.recordFile}.`, { cause })
  }
  try {
    if (whenMissing === 'wait') return 'accepted'
    const { rowCount } = await client.query('select from pg_database where datname = $1', [databaseName])
    if (rowCount === 0) await client.query(`create database ${databaseName}`)
    return 'accepted'
  } finally {
    await client.end()
  }
}

/**
 * Waits until process `pid` accepts a login; null when it has ended, or has not responded for `maxSilence` milliseconds.
 *
 * @throws when it accepts no login within `startMilliseconds`
 */
async function waitForLogin(cluster: Cluster, pid: number, maxSilence: number, signal?: AbortSignal) {
  const deadline = performance.now() + startMilliseconds
  let lastSign = performance.now()
  while (performance.now() < deadline) {
    if (!(await isPostgresOf(pid, cluster.data)) || performance.now() - lastSign > maxSilence) return null
    const postmaster = await readPidFile(cluster.data)
    const login = postmaster && (await tryLogin({ ...cluster, ...postmaster }, 'create'))
    if (login === 'accepted') return postmaster
    if (login === 'answered') lastSign = performance.now()
    await setTimeout(pollMilliseconds, undefined, { signal })
  }
  throw new Error(`Postgres accepted no login for ${startMilliseconds} ms. See its log ${cluster.logFile}.`)
}

async function startPostmaster({ data, logFile }: Cluster, port: number) {
  const { program, folderFlags, options } = await postgresCommand('postgres', data)
  const flags = Object.entries({ ...settings, port }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  // After a crash, Postgres refuses to start with a pid file that is empty or whose pid another program has.
  await rm(join(data, pidFile), { force: true })
  await using log = await open(logFile, 'a', 0o600)
  if ((await log.stat()).size > maxLogBytes) await log.truncate()
  const { size } = await log.stat()
  const child = spawn(program, [...folderFlags, ...flags], {
    ...options,
    // In a separate process group, so that Ctrl-C in the terminal reaches only the gateway, which then shuts Postgres down.
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  })
  child.unref()
  await once(child, 'spawn').catch((cause) => {
    throw new Error(`Cannot run ${program}. If it does not run on this system, set DATABASE_URL.`, { cause })
  })
  const pid = child.pid as number // A spawned process has a pid.
  // In its first moments, a process has no command line, by which others recognize it.
  for (let looks = 0; looks < 50 && child.exitCode === null && child.signalCode === null; looks++) {
    if (await isPostgresOf(pid, data)) break
    await setTimeout(pollMilliseconds)
  }
  return {
    pid,
    readLogTail: async (): Promise<string> => {
      const text = (await readFile(logFile)).subarray(size).toString('utf8').trimEnd()
      return text.split('\n').slice(-shownLogLines).join('\n')
    },
  }
}

async function freePort(): Promise<number> {
  await using probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  // A server that listens on a TCP port has an address of this type.
  return (probe.address() as AddressInfo).port
}
