import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const cli = fileURLToPath(new URL('../../src/cli/cli.ts', import.meta.url))
const deadline = 25_000

export type CommandProcess = {
  child: ChildProcess
  /** Waits until standard error matches; fails when the process ends before. */
  wrote(pattern: RegExp): Promise<RegExpExecArray>
  /** Exit code and all that was written, once the process has ended. */
  ended: Promise<{ code: number | null; stdout: Buffer; stderr: string }>
}

export type ProcessSurroundings = { cwd: string; environment: Record<string, string> }

/** Runs `npm run report` without npm: the terminal client in a separate process, in `cwd`. */
export function spawnReport(args: string[], surroundings: ProcessSurroundings): CommandProcess {
  return spawnCommand('report', args, surroundings)
}

/** Runs any command of `npm run` without npm. */
export function spawnCommand(
  name: string,
  args: string[],
  { cwd, environment }: ProcessSurroundings,
): CommandProcess {
  const { PATH, NODE_COMPILE_CACHE } = process.env
  const child = spawn(process.execPath, [cli, name, ...args], {
    cwd,
    env: { PATH, NODE_COMPILE_CACHE, DATA_DIR: cwd, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: deadline,
    killSignal: 'SIGKILL',
  })
  const stdout: Buffer[] = []
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
  })
  const closed = once(child, 'close')
  return {
    child,
    wrote: async (pattern) => {
      while (true) {
        const match = pattern.exec(stderr)
        if (match) return match
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(`The command ended without ${pattern}. It wrote:\n${stderr}`)
        await Promise.race([once(child.stderr, 'data'), closed])
      }
    },
    ended: closed.then(([code]) => ({ code, stdout: Buffer.concat(stdout), stderr })),
  }
}
