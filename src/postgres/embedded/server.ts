import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import pg from 'pg'
import { createConnection } from '../client.ts'
import { postgresCommand } from './binaries.ts'
import { type Cluster, type ClusterOptions, prepareCluster } from './cluster.ts'
import { isPostgresOf, type Postmaster, pidFile, readPidFile, stopPostmaster } from './postmaster.ts'

const databaseName = 'report_gateway'

const pollMilliseconds = 20
/** Recovery after a crash can be long. */
const startMilliseconds = 120_000
/** How long a server that another process started may give no sign of life before it is ended and replaced. */
const silenceMilliseconds = 10_000
const loginMilliseconds = 10_000
const maxLogBytes = 8 * 1024 * 1024
const shownLogLines = 12

/** For a small machine that also runs the gateway; all else, durability above all, is Postgres's default. */
const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  shared_buffers: '256MB',
  max_connections: '200',
  max_wal_size: '2GB',
  // Most disks are SSDs.
  random_page_cost: '1.1',
}

/** Another program took the port, or the processes of the last server are still ending. */
const passingReason = /could not create any TCP\/IP sockets|pre-existing shared memory block/

/** A cluster, and the server that runs it, when it last let us in. */
export type Server = Cluster & Postmaster

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
  const { data, logFile } = cluster
  const enter = (word: string, postmaster: Postmaster): Server => {
    onProgress(`${word} Postgres (process ${postmaster.pid}) at 127.0.0.1:${postmaster.port}.`)
    return { ...cluster, ...postmaster }
  }
  const last = await readPidFile(data)
  if (last && (await isPostgresOf(last.pid, data))) {
    const found = await waitForLogin(cluster, last.pid, silenceMilliseconds, signal)
    if (found) return enter('Found', found)
    onProgress(`Postgres (process ${last.pid}) does not answer: ending it.`)
    await stopPostmaster(last.pid, data)
  }
  const deadline = Date.now() + startMilliseconds
  for (let chosenPort = port ?? last?.port; ; chosenPort = port) {
    const { pid, lastWords } = await startPostmaster(cluster, chosenPort || (await freePort()))
    // Nothing ends a restart: others may have logged in, and the owner that closes stops the server for the last of them.
    const patience = port ? undefined : signal
    const started = await waitForLogin(cluster, pid, startMilliseconds, patience).catch(async (error) => {
      await stopPostmaster(pid, data)
      throw error
    })
    if (started) return enter('Started', started)
    const words = await lastWords()
    if (!passingReason.test(words) || Date.now() > deadline)
      throw new Error(`Postgres ended while starting on ${data}. The end of its log, ${logFile}:\n${words}`)
    await setTimeout(pollMilliseconds, undefined, { signal })
  }
}

/** It says `sslmode=disable`, so that a PGSSLMODE meant for another server does no harm. */
export function serverUrl({ password, port }: Server, database = databaseName): string {
  return `postgres://postgres:${password}@127.0.0.1:${port}/${database}?sslmode=disable`
}

/**
 * Logs in to the database `report_gateway` of a server; it is created when it is missing if `whenMissing` says so.
 *
 * @returns `answered` when the server is alive but does not let us in yet: it recovers, or has no connection left
 * @throws when the server refuses the password, when the database cannot be created
 */
export async function tryLogin(server: Server, whenMissing: 'create' | 'wait') {
  // Before it is ready, an attempt would only fill its log with refusals.
  if (server.status !== 'ready') return server.status === 'starting' ? 'answered' : 'silent'
  const url = serverUrl(server, whenMissing === 'create' ? 'postgres' : databaseName)
  const client = createConnection(url, 'report-gateway start', loginMilliseconds)
  try {
    await client.connect()
  } catch (cause) {
    if (!(cause instanceof pg.DatabaseError)) return 'silent'
    // Class 28 is an invalid authorization, which waiting does not change.
    if (!cause.code?.startsWith('28')) return 'answered'
    throw new Error(`The embedded Postgres refuses the password in ${server.recordFile}.`, { cause })
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
 * Null when process `pid` ended, or gave no sign of life for `maxSilence` milliseconds.
 *
 * @throws when it does not let us in for too long
 */
async function waitForLogin(cluster: Cluster, pid: number, maxSilence: number, signal?: AbortSignal) {
  const deadline = Date.now() + startMilliseconds
  let lastSign = Date.now()
  while (Date.now() < deadline) {
    if (!(await isPostgresOf(pid, cluster.data)) || Date.now() - lastSign > maxSilence) return null
    const postmaster = await readPidFile(cluster.data)
    const login = postmaster && (await tryLogin({ ...cluster, ...postmaster }, 'create'))
    if (login === 'accepted') return postmaster
    if (login === 'answered') lastSign = Date.now()
    await setTimeout(pollMilliseconds, undefined, { signal })
  }
  throw new Error(`Postgres did not let us in for ${startMilliseconds} ms; its log is ${cluster.logFile}.`)
}

async function startPostmaster({ data, logFile }: Cluster, port: number) {
  const { program, folderFlags, options } = await postgresCommand('postgres', data)
  const flags = Object.entries({ ...settings, port }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  // Left by a crash: Postgres refuses one that is empty, or whose pid belongs to another program now.
  await rm(join(data, pidFile), { force: true })
  await using log = await open(logFile, 'a', 0o600)
  if ((await log.stat()).size > maxLogBytes) await log.truncate()
  const { size } = await log.stat()
  const child = spawn(program, [...folderFlags, ...flags], {
    ...options,
    // A process group of its own: the terminal's Ctrl-C is for the gateway, which then stops Postgres in order.
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  })
  child.unref()
  await once(child, 'spawn').catch((cause) => {
    throw new Error(`Cannot run ${program}. If it does not fit this system, set DATABASE_URL.`, { cause })
  })
  return {
    pid: child.pid as number, // A process that has spawned has a pid.
    lastWords: async (): Promise<string> => {
      const text = (await readFile(logFile)).subarray(size).toString('utf8').trimEnd()
      return text.split('\n').slice(-shownLogLines).join('\n')
    },
  }
}

async function freePort(): Promise<number> {
  await using probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  // A server that listens on a TCP port has such an address.
  return (probe.address() as AddressInfo).port
}
