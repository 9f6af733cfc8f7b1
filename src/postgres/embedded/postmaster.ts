import { readFile, readlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { run } from './account.ts'
import { isLinux } from './binaries.ts'

export const pidFile = 'postmaster.pid'

const pollMilliseconds = 20
const endMilliseconds = 15_000

/** What the pid file of a postmaster says. */
export type Postmaster = {
  pid: number
  port: number
  /** `starting`, `ready` or `stopping`; empty for a moment at the very start. */
  status: string
}

/** What the last postmaster of the data folder `data` wrote; null when it ended in order, or wrote nothing. */
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

/** The postmaster that runs on `data`; null when its process is dead, or its pid belongs to another program. */
export async function findPostmaster(data: string): Promise<Postmaster | null> {
  const written = await readPidFile(data)
  return written && (await isPostgresOf(written.pid, data)) ? written : null
}

/** Whether process `pid` is a postmaster of `data`. A zombie is not. */
export async function isPostgresOf(pid: number, data: string): Promise<boolean> {
  if (!isLinux) {
    const ps = run('ps', ['-ww', '-o', 'command=', '-p', String(pid)])
    return (await ps.catch(() => ({ stdout: '' }))).stdout.includes(`postgres -D ${data} `)
  }
  const argv = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')
  // Server processes below the postmaster overwrite this with a title such as "postgres: checkpointer".
  if (basename(argv[0] ?? '') !== 'postgres') return false
  // Its working folder is its data folder, even after a rename; root in a container may not be allowed to look.
  const folder = await readlink(`/proc/${pid}/cwd`).catch(() => null)
  return folder === null ? argv.includes(data) : folder.replace(/ \(deleted\)$/, '') === data
}

/**
 * Ends a postmaster and waits until it is gone: by SIGINT (open transactions roll back, memory is written out), and if need
 * be by SIGQUIT (it drops everything, and the next start recovers from its log).
 *
 * @throws when it outlives that too, or belongs to another user
 */
export async function stopPostmaster(pid: number, data: string): Promise<void> {
  if ((await endsAfter('SIGINT', pid, data)) || (await endsAfter('SIGQUIT', pid, data))) return
  throw new Error(`Postgres (process ${pid}) on ${data} did not end by SIGQUIT. End it by hand.`)
}

/** Sends a signal to a postmaster; false when it did not end by it in time. */
export async function endsAfter(signal: NodeJS.Signals, pid: number, data: string): Promise<boolean> {
  const deadline = Date.now() + endMilliseconds
  // A process that was stopped (SIGSTOP) acts on a signal only when it may go on.
  for (const sent of [signal, 'SIGCONT'] as const) {
    try {
      process.kill(pid, sent)
    } catch (error) {
      if (await isPostgresOf(pid, data)) throw error
    }
  }
  while (await isPostgresOf(pid, data)) {
    if (Date.now() > deadline) return false
    await setTimeout(pollMilliseconds)
  }
  return true
}
