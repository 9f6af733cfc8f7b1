import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { type Command, pinnedTo } from './pinned.ts'

const places = {
  psql: ['/usr/bin/psql', '/usr/lib/postgresql/15/bin/psql'],
  pgbench: ['/usr/lib/postgresql/17/bin/pgbench', '/usr/lib/postgresql/15/bin/pgbench', '/usr/bin/pgbench'],
  nginx: ['/usr/sbin/nginx'],
} as const

const run = promisify(execFile)

/** Where a program of the system is; undefined when it is not installed. */
export function findProgram(name: keyof typeof places): string | undefined {
  return places[name].find((place) => existsSync(place))
}

/** Runs a program to its end on the core of the side, and gives its output. */
export async function runPinned(command: Command): Promise<string> {
  const { program, args } = pinnedTo('side', command)
  const options = {
    env: { ...process.env, ...command.environment },
    cwd: command.folder,
    maxBuffer: 64 * 1024 * 1024,
  }
  return (await run(program, [...args], options)).stdout
}
