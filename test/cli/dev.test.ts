import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { freePort } from '../support/free-port.ts'

const root = new URL('../../', import.meta.url)

/** The arguments of Node in the script `dev`, with another entry that does what the command line interface does. */
async function devArguments(entry: string): Promise<string[]> {
  const { scripts } = JSON.parse(await readFile(new URL('package.json', root), 'utf8'))
  const [node, ...args] = String(scripts.dev).split(' ')
  expect(node).toBe('node')
  expect(args).toContain('src/cli/cli.ts')
  return args.map((arg) => (arg === 'src/cli/cli.ts' ? entry : arg))
}

/** False also for a process that has ended but that its parent has not collected: its state is Z. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

test('npm run dev starts again on the same port when a .ts file changes, and leaves no Postgres behind', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'report-gateway-dev-'))
  await using cleanup = new AsyncDisposableStack()
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  const entry = join(folder, 'entry.ts')
  const source = `import ${JSON.stringify(new URL('src/cli/cli.ts', root).href)}\n`
  await writeFile(entry, source)
  const port = await freePort()
  const { PATH, HOME, NODE_COMPILE_CACHE } = process.env
  const child = spawn(process.execPath, await devArguments(entry), {
    env: { PATH, HOME, NODE_COMPILE_CACHE, DATA_DIR: join(folder, 'data'), DEMO: 'false', PORT: `${port}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'exit')
  cleanup.defer(async () => {
    child.kill('SIGTERM')
    await ended
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
    })
  }
  const starts = () => output.split(`\nready http://127.0.0.1:${port}/graphql`).length - 1
  const started = () =>
    [...output.matchAll(/Started Postgres \(process (\d+)\)/g)].map(([, pid]) => Number(pid))
  const waitForStarts = (count: number) =>
    vi.waitFor(() => expect(starts(), output).toBe(count), { timeout: 60_000, interval: 50 })

  await waitForStarts(1)
  await writeFile(entry, `type Changed = true\n${source}`)
  await waitForStarts(2)
  expect(started().map(isAlive)).toEqual([false, true])

  child.kill('SIGTERM')
  await ended
  expect(started().map(isAlive)).toEqual([false, false])
})
