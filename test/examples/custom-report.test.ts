import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { spawnGateway } from '../support/gateway-process.ts'
import { spawnCommand } from '../support/report-process.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const execute = promisify(execFile)

type Line = { environment: Record<string, string>; words: string[] }

/** A line such as `NAME=value npm start`. */
function parseLine(line: string): Line {
  const words = line.split(' ')
  const first = words.findIndex((word) => !/^[A-Z_]+=/.test(word))
  const pairs = words.slice(0, first).map((word) => word.split('=', 2))
  return { environment: Object.fromEntries(pairs), words: words.slice(first) }
}

/** The text of each code block of a language, in the order of the page. */
function codeBlocks(markdown: string, language: string): string[] {
  const blocks = markdown.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))
  return [...blocks].map(([, text = '']) => text)
}

test('the commands of examples/custom-report make the file that its README shows', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'report-gateway-example-'))
  await using cleanup = new AsyncDisposableStack()
  cleanup.defer(() => rm(dataDir, { recursive: true, force: true }))
  const readme = await readFile(`${root}/examples/custom-report/README.md`, 'utf8')
  const [load, check, start, run, ...others] = codeBlocks(readme, 'sh').map((text) => parseLine(text.trim()))
  const [expected] = codeBlocks(readme, 'csv')
  expect(others).toEqual([])
  /** `npm run NAME -- …`, in the folder of the repository. */
  const npmRun = async ({ words, environment }: Line, more: Record<string, string> = {}) => {
    const [npm, runs, name = '', dashes = '--', ...args] = words
    expect([npm, runs, dashes]).toEqual(['npm', 'run', '--'])
    const surroundings = { cwd: root, environment: { DATA_DIR: dataDir, ...environment, ...more } }
    const { code, stdout, stderr } = await spawnCommand(name, args, surroundings).ended
    expect({ code, stderr }).toMatchObject({ code: 0 })
    return stdout.toString()
  }
  if (!load || !check || !start || !run) throw new Error('The README lacks a command.')

  const [node = '', ...script] = load.words
  const loaded = await execute(join(root, node), script, {
    cwd: root,
    env: { ...process.env, DATA_DIR: dataDir },
  })
  expect(loaded.stdout).toContain('Created the table shop.orders.')
  // Loading it once more changes nothing.
  await execute(join(root, node), script, { cwd: root, env: { ...process.env, DATA_DIR: dataDir } })

  expect(await npmRun(check)).toContain('shop.orders.1  examples/custom-report/reports/orders.sql  Orders\n')

  expect(start.words).toEqual(['npm', 'start'])
  const reportsDir = { REPORTS_DIR: join(root, start.environment.REPORTS_DIR ?? '') }
  await using gateway = spawnGateway({ DATA_DIR: dataDir, ...reportsDir })
  const url = await gateway.ready()

  // Into the test's own folder, and not into the repository.
  const file = join(dataDir, 'orders.csv')
  const words = run.words.map((word) => (word === 'orders.csv' ? file : word))
  expect(await npmRun({ ...run, words }, { GATEWAY_URL: url })).toMatch(/^2 rows {2}/)
  expect(await readFile(file, 'utf8')).toBe(expected)
})
