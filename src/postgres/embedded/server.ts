import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { runAs } from './account.ts'
import { type Cluster, postgresEnvironment } from './cluster.ts'
import { canLogIn } from './login.ts'
import { findPostmaster, type Postmaster, pidFile, readPidFile, stopPostmaster } from './postmaster.ts'

const pollMilliseconds = 20
/** How long a start may take; recovery after a crash can be long. */
const startMilliseconds = 120_000
/** How long a server that another process started may not let us in before it is ended and replaced. */
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

export type ServerOptions = {
  cluster: Cluster
  onProgress: (message: string) => void
  signal?: AbortSignal | undefined
  /** Where a server that is started must listen; unless given, where the last one did, or on any free port. */
  port?: number
}

/**
 * The server of a cluster, with the database `report_gateway`: the one that runs, if it lets us in, else one
 * started here, which outlives this process. Only for the process that owns the server; Postgres's own lock on
 * its data remains the last guard.
 *
 * @throws when Postgres ends at start (with the last lines of its log), refuses the password, or takes too
 * long; what was started is stopped then
 */
export async function ensureServer(options: ServerOptions): Promise<Postmaster> {
  const { cluster, onProgress, port } = options
  const { data, logFile } = cluster
  const running = await findPostmaster(data)
  if (running) {
    const server = await waitForLogin(options, Date.now() + silenceMilliseconds)
    if (server) {
      onProgress(`Found Postgres (process ${server.pid}) at 127.0.0.1:${server.port}.`)
      return server
    }
    onProgress(`Postgres (process ${running.pid}) does not answer: ending it.`)
    await stopPostmaster(running.pid, data)
  }
  const deadline = Date.now() + startMilliseconds
  const last = running ?? (await readPidFile(data))
  let chosenPort = port ?? (last?.port || (await freePort()))
  while (true) {
    const started = await startServer(cluster, chosenPort)
    const server = await waitForLogin(options, deadline, started)
    if (server) {
      onProgress(`Started Postgres (process ${server.pid}) at 127.0.0.1:${server.port}.`)
      return server
    }
    const words = await started.lastWords()
    if (stalePidFile.test(words)) await rm(pidFile(data), { force: true })
    else if (!passingReason.test(words)) {
      throw new Error(`Postgres ended while starting on ${data}. The end of its log, ${logFile}:\n${words}`)
    }
    chosenPort = port ?? (await freePort())
  }
}

type StartedServer = {
  pid: number
  isRunning: () => boolean
  /** The last lines that it wrote to its log. */
  lastWords: () => Promise<string>
}

/** Null when the server ended; for one that was not started here, also after the deadline. */
async function waitForLogin(
  { cluster, signal }: ServerOptions,
  deadline: number,
  started?: StartedServer,
): Promise<Postmaster | null> {
  try {
    while (Date.now() < deadline) {
      const server = await findPostmaster(cluster.data)
      if (server && (await canLogIn(server, cluster, 'create'))) return server
      if (!server && !started?.isRunning()) return null
      await setTimeout(pollMilliseconds, undefined, { signal })
    }
    if (!started) return null
    throw new Error(
      `Postgres (process ${started.pid}) did not let us in for ${startMilliseconds} ms; its log is ${cluster.logFile}.`,
    )
  } catch (error) {
    if (started?.isRunning()) await stopPostmaster(started.pid, cluster.data)
    throw error
  }
}

async function startServer(cluster: Cluster, port: number): Promise<StartedServer> {
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
    lastWords: async () => {
      const text = (await readFile(cluster.logFile)).subarray(size).toString('utf8').trimEnd()
      return text.split('\n').slice(-shownLogLines).join('\n')
    },
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string')
    throw new Error('The system gave no port on 127.0.0.1.')
  return address.port
}
