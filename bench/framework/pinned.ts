import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** The side under test has the first core, load and Postgres the second. */
export const cores = { side: 0, load: 1 } as const
export type Core = keyof typeof cores

/** True when processes can be pinned: Linux with taskset and two cores. Otherwise the system places them. */
export const canPin = availableParallelism() > 1 && spawnSync('taskset', ['-V']).status === 0

const readyMilliseconds = 90_000
const ticksPerSecond = 100

export type PinnedProcess = AsyncDisposable & {
  /** The address that it printed after `ready`. */
  url: string
  pid: number
  /** Seconds of processor time that it and its children have used. */
  cpuSeconds(): number
  /** Bytes of memory that it and its children occupy, without Postgres. */
  memoryBytes(): number
  /** The end of what it has printed. */
  output(): string
  /** Milliseconds from the start of the process to the line `ready`. */
  readyMilliseconds: number
}

export type Command = {
  program: string
  args: readonly string[]
  environment?: Readonly<Record<string, string>>
  folder?: string
}

/** The command, pinned to a core where that is possible. */
export function pinnedTo(core: Core, { program, args }: Pick<Command, 'program' | 'args'>) {
  if (!canPin) return { program, args }
  return { program: 'taskset', args: ['-c', String(cores[core]), program, ...args] }
}

/** Moves a running process and its children to a core. */
export function pin(core: Core, pid: number): void {
  if (!canPin) return
  for (const one of [pid, ...descendants(pid)])
    execFileSync('taskset', ['-acp', String(cores[core]), String(one)], { stdio: 'ignore' })
}

/**
 * Starts a server on the core of the side and waits until it prints `ready URL`. It ends when it is disposed of.
 *
 * @throws Error with its output when it ends first, or is not ready in time
 */
export async function startPinned(command: Command): Promise<PinnedProcess> {
  const { PATH, HOME } = process.env
  const { program, args } = pinnedTo('side', command)
  const startedAt = performance.now()
  const child = spawn(program, args, {
    cwd: command.folder,
    env: { PATH, HOME, NODE_ENV: 'production', PORT: '0', ...command.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  endWithThisProcess(child)
  const { output, ready } = followOutput(child)
  const url = await ready
  const pid = child.pid as number // A process that has printed a line has a pid.
  return {
    url,
    pid,
    output,
    readyMilliseconds: performance.now() - startedAt,
    cpuSeconds: () => sumOf(pid, cpuSecondsOf),
    memoryBytes: () => sumOf(pid, memoryBytesOf),
    [Symbol.asyncDispose]: () => end(child),
  }
}

/** Reads all output, so that the process never waits for a full pipe. `ready` is the address of the line `ready URL`. */
function followOutput(child: ChildProcess): { output(): string; ready: Promise<string> } {
  let output = ''
  const ready = Promise.withResolvers<string>()
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-20_000)
      const [, url] = /^ready (\S+?)(?:\/graphql|\/ready)?$/m.exec(output) ?? []
      if (url) ready.resolve(url)
    })
  }
  child.once('error', ready.reject)
  child.once('exit', () => ready.reject(new Error(`${child.spawnargs.join(' ')} ended:\n${output}`)))
  const limit = setTimeout(() => {
    child.kill('SIGKILL')
    ready.reject(new Error(`${child.spawnargs.join(' ')} was not ready in time:\n${output}`))
  }, readyMilliseconds)
  const settled = ready.promise.finally(() => clearTimeout(limit))
  return { output: () => output, ready: settled }
}

/** How many files, sockets among them, a process may open; Infinity where the system does not say. */
export function socketLimit(): number {
  return Number(
    /^Max open files\s+\d+\s+(\d+)/m.exec(read('/proc/self/limits'))?.[1] ?? Number.POSITIVE_INFINITY,
  )
}

/** Without this, a process whose parent is interrupted would run on. */
export function endWithThisProcess(child: Pick<ChildProcess, 'kill' | 'once'>): void {
  const stop = (): void => void child.kill('SIGTERM')
  process.once('exit', stop)
  child.once('exit', () => process.off('exit', stop))
}

/** Ends a process: with SIGTERM, and with SIGKILL when it does not follow. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  const limit = setTimeout(() => child.kill('SIGKILL'), 15_000)
  await exit
  clearTimeout(limit)
}

function sumOf(pid: number, read: (pid: number) => number): number {
  return [pid, ...descendants(pid)].reduce((sum, one) => sum + read(one), 0)
}

function descendants(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number)
  return children.flatMap((child) => [child, ...descendants(child)])
}

/** Fields 14 and 15 of /proc/PID/stat, which count after the name in parentheses. */
function cpuSecondsOf(pid: number): number {
  const fields = read(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond
}

function memoryBytesOf(pid: number): number {
  if (read(`/proc/${pid}/comm`).trim() === 'postgres') return 0
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024
}

/** The text of a file in /proc; empty when the process has ended, or the system has no /proc. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
