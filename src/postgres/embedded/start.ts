import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type FileHandle, open, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { runAs } from './account.ts'
import { POSTGRES_ENVIRONMENT } from './binaries.ts'
import type { Cluster } from './initdb.ts'
import { lastPort, removeStalePidFile } from './postmaster.ts'

const LOG_LIMIT_BYTES = 8 * 1024 * 1024
const LOG_LINES_SHOWN = 12
const END_MS = 15_000

/**
 * For a small machine that also runs the gateway; everything else, durability above all, is Postgres's
 * default.
 */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  password_encryption: 'scram-sha-256',
  shared_buffers: '256MB',
  max_connections: '200',
  max_wal_size: '2GB',
  // The disk is taken for an SSD.
  random_page_cost: '1.1',
}

export type StartedServer = {
  pid: number
  /** When we began trying, in milliseconds since the epoch; kept over several starts. */
  since: number
  hasEnded: () => boolean
  /** Ends it and waits until it has ended, however far its start has come. */
  end: () => Promise<void>
  /** The last lines that it wrote to its log. */
  lastWords: () => Promise<string>
}

/**
 * Starts the postmaster of a cluster, detached from us.
 *
 * @param port where it has to listen; unless given, where a server that was killed has listened, because those who used it
 * look for it there, or else on any free port
 * @throws when the program cannot be run
 */
export async function startServer(cluster: Cluster, since: number, port?: number): Promise<StartedServer> {
  const chosenPort = port ?? (await freePort(await lastPort(cluster.data)))
  await removeStalePidFile(cluster.data)
  const log = await openLog(cluster.logFile)
  try {
    const { size } = await log.stat()
    const settings = { ...SETTINGS, port: String(chosenPort) }
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const child = spawn(cluster.binaries.postgres, ['-D', cluster.data, ...flags], {
      ...runAs(cluster.account),
      cwd: cluster.home,
      env: POSTGRES_ENVIRONMENT,
      // A process group of its own: the terminal's Ctrl-C is for the gateway, which then stops Postgres in
      // order.
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    })
    child.unref()
    await once(child, 'spawn')
    return {
      // A process that has spawned has a pid.
      pid: child.pid as number,
      since,
      hasEnded: () => hasEnded(child),
      end: async () => await end(child),
      lastWords: async () => await lastLines(cluster.logFile, size),
    }
  } catch (cause) {
    throw new Error(
      `Cannot run ${cluster.binaries.postgres}. If it does not fit this system, set DATABASE_URL.`,
      { cause },
    )
  } finally {
    await log.close()
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

async function end(child: ChildProcess): Promise<void> {
  child.ref()
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    if (hasEnded(child)) return
    child.kill(signal)
    await once(child, 'exit', { signal: AbortSignal.timeout(END_MS) }).catch(() => {})
  }
}

async function openLog(file: string): Promise<FileHandle> {
  const log = await open(file, 'a', 0o600)
  if ((await log.stat()).size > LOG_LIMIT_BYTES) await log.truncate()
  return log
}

async function lastLines(file: string, from: number): Promise<string> {
  const text = (await readFile(file)).subarray(from).toString('utf8').trimEnd()
  return text.split('\n').slice(-LOG_LINES_SHOWN).join('\n')
}

/** A port on which nobody listens: the wanted one if it is free. */
async function freePort(wanted = 0): Promise<number> {
  const probe = createServer().listen(wanted, '127.0.0.1')
  try {
    await once(probe, 'listening')
  } catch (error) {
    if (wanted === 0) throw error
    return await freePort()
  }
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string')
    throw new Error('The system gave no port on 127.0.0.1.')
  return address.port
}
