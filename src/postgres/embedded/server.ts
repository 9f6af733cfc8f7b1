import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import pg from 'pg'
import { runAs } from './account.ts'
import { type Cluster, type ClusterOptions, postgresEnvironment, prepareCluster } from './cluster.ts'
import { findPostmaster, type Postmaster, pidFile, readPidFile, stopPostmaster } from './postmaster.ts'
import { type ClusterRecord, recordPath } from './record.ts'

export const databaseName = 'report_gateway'

const pollMilliseconds = 20
/** Between two starts, of which the first met a reason that passes. */
const retryMilliseconds = 100
/** Recovery after a crash can be long. */
const startMilliseconds = 120_000
/** How long a server that another process started may give no sign of life before it is ended and replaced. */
const silenceMilliseconds = 10_000
const maxLogBytes = 8 * 1024 * 1024
const shownLogLines = 12

/** For a small machine that also runs the gateway; all else, durability above all, is Postgres's default. */
const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  password_encryption: 'scram-sha-256',
  shared_buffers: '256MB',
  max_connections: '200',
  max_wal_size: '2GB',
  // Most disks are SSDs.
  random_page_cost: '1.1',
}

/** Left by a crash: Postgres refuses a pid file that is empty, or whose pid belongs to another program now. */
const stalePidFile = /lock file ".*" (?:already exists|is empty)/
/** Another program took the port, or the processes of the last server are still ending. */
const passingReason = /could not create any TCP\/IP sockets|pre-existing shared memory block/
/** SQLSTATEs that waiting does not change: invalid_authorization_specification, invalid_password. */
const refusals = ['28000', '28P01']

export type Server = Pick<Postmaster, 'pid' | 'port'> & {
  record: ClusterRecord
  /** True when its cluster was made just now. */
  isNew: boolean
}

/**
 * The server of a data folder, with its cluster and the database `report_gateway`: the one that runs, if it lets us in, else
 * one started here, which outlives this process. Only for the process that owns the server; Postgres's own lock on its data
 * remains the last guard.
 *
 * @param port where a server that is started must listen; unless given, where the last one did, or on any free port
 * @throws as prepareCluster, and when Postgres ends at start (with the last lines of its log), refuses the password, or takes
 * too long; what was started is stopped then
 */
export async function ensureServer(options: ClusterOptions, port?: number): Promise<Server> {
  const { onProgress, signal } = options
  const cluster = await prepareCluster(options)
  const { data, logFile, isNew } = cluster
  const enter = (word: string, server: Postmaster): Server => {
    onProgress(`${word} Postgres (process ${server.pid}) at 127.0.0.1:${server.port}.`)
    return { record: cluster, isNew, pid: server.pid, port: server.port }
  }
  const running = await findPostmaster(data)
  if (running) {
    const server = await waitForLogin(cluster, Date.now() + startMilliseconds, signal)
    if (server) return enter('Found', server)
    onProgress(`Postgres (process ${running.pid}) does not answer: ending it.`)
    await stopPostmaster(running.pid, data)
  }
  const deadline = Date.now() + startMilliseconds
  const last = running ?? (await readPidFile(data))
  let chosenPort = port ?? (last?.port || (await freePort()))
  while (true) {
    const started = await startServer(cluster, chosenPort)
    const server = await waitForLogin(cluster, deadline, signal, started)
    if (server) return enter('Started', server)
    const words = await started.lastWords()
    if (stalePidFile.test(words)) await rm(pidFile(data), { force: true })
    else if (!passingReason.test(words) || Date.now() > deadline) {
      throw new Error(`Postgres ended while starting on ${data}. The end of its log, ${logFile}:\n${words}`)
    }
    chosenPort = port ?? (await freePort())
    await setTimeout(retryMilliseconds, undefined, { signal })
  }
}

/**
 * Logs in to the database `report_gateway` of a server; it is created when it is missing if `whenMissing` says so.
 *
 * @returns `answered` when the server is alive but does not let us in yet: it recovers, or has no connection left
 * @throws when the server refuses the password, when the database cannot be created
 */
export async function tryLogin(
  { port, status }: Postmaster,
  { dataDir, password }: ClusterRecord,
  whenMissing: 'create' | 'wait',
): Promise<'accepted' | 'answered' | 'silent'> {
  // Before it is ready, an attempt would only fill its log with refusals.
  if (status !== 'ready') return status === 'starting' ? 'answered' : 'silent'
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password,
    database: whenMissing === 'create' ? 'postgres' : databaseName,
    // Otherwise the variable PGSSLMODE, meant for another server, would decide.
    ssl: false,
    application_name: 'report-gateway start',
    connectionTimeoutMillis: 5_000,
    query_timeout: 15_000,
  })
  // Without a listener, an error of the connection would end the process.
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (cause) {
    if (!(cause instanceof pg.DatabaseError)) return 'silent'
    if (!refusals.includes(cause.code ?? '')) return 'answered'
    throw new Error(`The embedded Postgres refuses the password in ${recordPath(dataDir)}.`, { cause })
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
 * Null when the server ended; for one that was not started here, also when it is silent.
 *
 * @throws at the deadline; what was started is stopped then
 */
async function waitForLogin(
  cluster: Cluster,
  deadline: number,
  signal: AbortSignal | undefined,
  started?: Awaited<ReturnType<typeof startServer>>,
): Promise<Postmaster | null> {
  let lastSign = Date.now()
  try {
    while (Date.now() < deadline) {
      const server = await findPostmaster(cluster.data)
      if (!server && !started?.isRunning()) return null
      const login = server && (await tryLogin(server, cluster, 'create'))
      if (login === 'accepted') return server
      if (login === 'answered') lastSign = Date.now()
      if (!started && Date.now() - lastSign > silenceMilliseconds) return null
      await setTimeout(pollMilliseconds, undefined, { signal })
    }
    throw new Error(
      `Postgres on ${cluster.data} did not let us in for ${startMilliseconds} ms; its log is ${cluster.logFile}.`,
    )
  } catch (error) {
    if (started?.isRunning()) await stopPostmaster(started.pid, cluster.data)
    throw error
  }
}

async function startServer(cluster: Cluster, port: number) {
  await using log = await open(cluster.logFile, 'a', 0o600)
  if ((await log.stat()).size > maxLogBytes) await log.truncate()
  const { size } = await log.stat()
  const program = join(cluster.binaries, 'postgres')
  const flags = Object.entries({ ...settings, port }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const child = spawn(program, ['-D', cluster.data, ...flags], {
    ...runAs(cluster.account),
    // By its working folder the process is found even before it has written its pid file.
    cwd: cluster.data,
    env: postgresEnvironment,
    // A process group of its own: the terminal's Ctrl-C is for the gateway, which then stops Postgres in order.
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  })
  child.unref()
  await once(child, 'spawn').catch((cause) => {
    throw new Error(`Cannot run ${program}. If it does not fit this system, set DATABASE_URL.`, { cause })
  })
  return {
    // A process that has spawned has a pid.
    pid: child.pid as number,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    /** The last lines that it wrote to its log. */
    lastWords: async (): Promise<string> => {
      const text = (await readFile(cluster.logFile)).subarray(size).toString('utf8').trimEnd()
      return text.split('\n').slice(-shownLogLines).join('\n')
    },
  }
}

async function freePort(): Promise<number> {
  await using probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  if (address === null || typeof address === 'string')
    throw new Error('The system gave no port on 127.0.0.1.')
  return address.port
}
