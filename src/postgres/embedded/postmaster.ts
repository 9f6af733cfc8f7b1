import { readFile, readlink, realpath } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { run } from './account.ts'
import { isLinux } from './binaries.ts'

export const pidFile = 'postmaster.pid'

const pollMilliseconds = 20
const endMilliseconds = 15_000

/** The content of a postmaster's pid file. */
export type Postmaster = {
  pid: number
  port: number
  /** `starting`, `ready` or `stopping`; empty for a moment at the very start. */
  status: string
}

/** Reads the pid file of the data folder `data`; null when it is missing or empty, as after an orderly shutdown. */
export async function readPidFile(data: string): Promise<Postmaster | null> {
  const text = await readFile(join(data, pidFile), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const lines = text.split('\n')
  // A single-user server (`postgres --single`) writes its pid negated.
  const pid = Math.abs(Number(lines[0]))
  return pid > 0 ? { pid, port: Number(lines[3]), status: lines[7]?.trim() ?? '' } : null
}

/** The postmaster that runs on `data`; null when its process has ended, or another program has its pid. */
export async function findPostmaster(data: string): Promise<Postmaster | null> {
  const written = await readPidFile(data)
  return written && (await isPostgresOf(written.pid, data)) ? written : null
}

/** True when process `pid` is a postmaster of `data` and not a zombie. */
export async function isPostgresOf(pid: number, data: string): Promise<boolean> {
  if (!isLinux) {
    const ps = run('ps', ['-ww', '-o', 'command=', '-p', String(pid)])
    return (await ps.catch(() => ({ stdout: '' }))).stdout.includes(`postgres -D ${data} `)
  }
  const argv = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')
  // Child processes of the postmaster overwrite their command line with a title such as "postgres: checkpointer".
  if (basename(argv[0] ?? '') !== 'postgres') return false
  // Its working folder is its data folder, even after a rename. In a container, even root can lack the right to read it.
  const folder = (await readlink(`/proc/${pid}/cwd`).catch(() => null))?.replace(/ \(deleted\)$/, '')
  return folder ? folder === (await realpath(data).catch(() => data)) : argv.includes(data)
}

/**
 * Stops a postmaster and waits until it has ended: with SIGINT (rolls back open transactions and writes a checkpoint), then if
 * necessary with SIGQUIT (stops at once; the next start recovers from the write-ahead log).
 *
 * @throws when it still runs after both signals, or belongs to another user
 */
export async function stopPostmaster(pid: number, data: string): Promise<void> {
  if ((await endsAfter('SIGINT', pid, data)) || (await endsAfter('SIGQUIT', pid, data))) return
  throw new Error(`Postgres (process ${pid}) on ${data} did not stop after SIGQUIT. Stop it manually.`)
}

/** Sends a signal to a postmaster; false when it has not ended in time. */
export async function endsAfter(signal: NodeJS.Signals, pid: number, data: string): Promise<boolean> {
  const deadline = performance.now() + endMilliseconds
  // A suspended process (SIGSTOP) handles the signal only after SIGCONT.
  for (const sent of [signal, 'SIGCONT'] as const) {
    try {
      process.kill(pid, sent)
    } catch (error) {
      if (await isPostgresOf(pid, data)) throw error
    }
  }
  while (await isPostgresOf(pid, data)) {
    if (performance.now() > deadline) return false
    await setTimeout(pollMilliseconds)
  }
  return true
}
