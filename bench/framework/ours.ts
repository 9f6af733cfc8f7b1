import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Command, type PinnedProcess, startPinned } from './pinned.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..', '..')

/** The flags and the script of `npm start`, so that each row measures what users start. */
function startArguments(): string[] {
  const { scripts }: { scripts: { start: string } } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  )
  const [program, ...args] = scripts.start.split(' ')
  if (program !== 'node') throw new Error(`npm start runs ${program}, not node.`)
  return args
}

/** Starts `npm start`, without npm. */
export function startOurs(environment: Readonly<Record<string, string>>): Promise<PinnedProcess> {
  return startPinned({ program: process.execPath, args: startArguments(), environment, folder: root })
}

/** How to run a command of the project, such as `npm run import -- FILE`, without npm. */
export function commandOf(
  name: string,
  args: readonly string[],
): Pick<Command, 'program' | 'args' | 'folder'> {
  return { program: process.execPath, args: [join(root, 'src/cli/cli.ts'), name, ...args], folder: root }
}

/** Runs a command of the project to its end, such as `npm run storage -- adopt`, and gives its output. */
export async function runCommand(
  name: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const { PATH, HOME } = process.env
  const { program, args: all } = commandOf(name, args)
  return (await run(program, [...all], { cwd: root, env: { PATH, HOME, ...environment } })).stdout
}
