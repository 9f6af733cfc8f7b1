import { execFile } from 'node:child_process'
import { readFile, readlink, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'

const POLL_MS = 20
const GENTLE_MS = 15_000
const QUIT_MS = 10_000

/** A living postmaster, as its pid file and the process table tell. */
export type Postmaster = {
  pid: number
  port: number
  /** The pid file's last line: `starting`, `ready` or `stopping`; empty for a moment at the very start. */
  status: string
}

/**
 * The postmaster that runs on the data folder `data`, or undefined when there is none: no pid file, or one
 * whose process is dead, or whose pid now belongs to some other program.
 */
export async function findPostmaster(data: string): Promise<Postmaster | undefined> {
  const written = await readPidFile(data)
  return written && (await isPostgresOf(written.pid, data)) ? written : undefined
}

/** Where the last server of `data` has listened, when it was killed and could not remove its pid file. */
export async function lastPort(data: string): Promise<number | undefined> {
  return (await readPidFile(data))?.port || undefined
}

/**
 * Removes a pid file that would keep Postgres from starting for no reason: one that a power failure left
 * empty, or whose pid has been given to another program. (Postgres only looks whether that pid lives.) Call
 * it when `findPostmaster` found none and no one else can be starting one.
 */
export async function removeStalePidFile(data: string): Promise<void> {
  const written = await readPidFile(data)
  // With a dead pid the file stays: by it Postgres finds server processes that outlived their postmaster.
  if (!written || isAlive(written.pid)) await rm(pidFile(data), { force: true })
}

/**
 * Ends a postmaster and waits until it is gone: first, `gently`, by SIGINT (open transactions roll back,
 * memory is written out); out of patience, or `at once`, by SIGQUIT (it drops everything, and the next start
 * recovers from its log).
 *
 * @throws when it outlives that too
 */
export async function stopPostmaster(
  pid: number,
  data: string,
  how: 'gently' | 'at once' = 'gently',
): Promise<void> {
  if (how === 'gently' && (await endsAfter('SIGINT', pid, data, GENTLE_MS))) return
  const ended = endsAfter('SIGQUIT', pid, data, QUIT_MS)
  // A process that was stopped (SIGSTOP) acts on the signal only when it may go on.
  send(pid, 'SIGCONT')
  if (await ended) return
  throw new Error(
    `Postgres (process ${pid}) on ${data} did not end ${QUIT_MS} ms after SIGQUIT. End it by hand.`,
  )
}

/** Whether process `pid` is a postmaster of the data folder `data`. A zombie is not. */
export async function isPostgresOf(pid: number, data: string): Promise<boolean> {
  if (process.platform !== 'linux') return await isPostgresByPs(pid, data)
  const argv = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')
  // Server processes below the postmaster overwrite this with a title such as "postgres: checkpointer".
  if (basename(argv[0] ?? '') !== 'postgres') return false
  // Its working folder is its data folder, even after a rename; root in a container may not be allowed to
  // look.
  const folder = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
  return folder === undefined ? argv.includes(data) : folder.replace(/ \(deleted\)$/, '') === data
}

async function endsAfter(
  signal: NodeJS.Signals,
  pid: number,
  data: string,
  patienceMs: number,
): Promise<boolean> {
  const deadline = Date.now() + patienceMs
  send(pid, signal)
  while (await isPostgresOf(pid, data)) {
    if (Date.now() > deadline) return false
    await setTimeout(POLL_MS)
  }
  return true
}

function pidFile(data: string): string {
  return join(data, 'postmaster.pid')
}

async function readPidFile(data: string): Promise<Postmaster | undefined> {
  const text = await readFile(pidFile(data), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  const lines = text?.split('\n') ?? []
  // A single-user server (`postgres --single`) writes its pid negated.
  const pid = Math.abs(Number(lines[0]))
  if (!Number.isInteger(pid) || pid === 0) return undefined
  return { pid, port: Number(lines[3]), status: lines[7]?.trim() ?? '' }
}

async function isPostgresByPs(pid: number, data: string): Promise<boolean> {
  const ps = promisify(execFile)('ps', ['-ww', '-o', 'command=', '-p', String(pid)])
  const command = await ps.then(
    ({ stdout }) => stdout,
    () => '',
  )
  return command.includes('postgres') && command.includes(` -D ${data} `)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return
    throw new Error(`May not send ${signal} to Postgres (process ${pid}): it belongs to another user.`, {
      cause: error,
    })
  }
}
