import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Texts of all TypeScript files below `folder`, by their path in it; generated ones are left out. */
async function readSources(folder: string): Promise<Map<string, string>> {
  const sources = new Map<string, string>()
  for (const path of await readdir(`${root}/${folder}`, { recursive: true })) {
    if (!path.endsWith('.ts') || path.includes('/generated/')) continue
    sources.set(path, await readFile(`${root}/${folder}/${path}`, 'utf8'))
  }
  return sources
}

const importPattern =
  /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm

/** What a text imports, for types too. */
function importsOf(text: string): string[] {
  return [...text.matchAll(importPattern)].map(([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? '')
}

type Graph = ReadonlyMap<string, readonly string[]>

/** Which file of the folder imports which others of it. */
function graphOf(sources: ReadonlyMap<string, string>): Graph {
  return new Map(
    [...sources].map(([path, text]) => {
      // A file of data imports nothing itself.
      const own = importsOf(text).filter((name) => name.startsWith('.') && !name.endsWith('.json'))
      return [path, own.map((specifier) => posix.join(posix.dirname(path), specifier))]
    }),
  )
}

// Each layer imports only from itself and from those before it. A file is named by its folder, or by itself at the top.
const layers: readonly (readonly string[])[] = [
  [
    'errors.ts',
    'ids.ts',
    'json.ts',
    'logger.ts',
    'metrics.ts',
    'request-context.ts',
    'run-every.ts',
    'secrets.ts',
    'tenant.ts',
  ],
  ['config'],
  ['postgres'],
  ['auth', 'ledger', 'storage'],
  ['reports'],
  ['runs'],
  ['demo', 'schedules'],
  ['graphql', 'rest', 'worker'],
  ['server'],
  ['cli'],
]
const faces = new Set(['worker', 'graphql', 'rest'])
/** The terminal client knows the gateway by its API alone. */
const client = 'cli/client/'

function partOf(path: string): string {
  return path.split('/', 1)[0] ?? path
}

/** NaN for a folder or file that has no place yet: it must be given one. */
function layerOf(path: string): number {
  const layer = layers.findIndex((parts) => parts.includes(partOf(path)))
  return layer >= 0 ? layer : Number.NaN
}

function fault(from: string, to: string): string | null {
  const [importer, imported] = [partOf(from), partOf(to)]
  if (to.startsWith('../')) return `${from} imports ${to}, which lies outside src.`
  if (from.startsWith(client) && !to.startsWith(client))
    return `${from} imports ${to}, which is not the client's.`
  if (!(layerOf(to) <= layerOf(from))) return `${from} imports ${to}, which is above it or has no layer.`
  if (faces.has(importer) && faces.has(imported) && importer !== imported)
    return `${from} imports ${to} beside it.`
  return null
}

function importFaults(graph: Graph): string[] {
  return [...graph].flatMap(([from, imports]) => imports.flatMap((to) => fault(from, to) ?? []))
}

function importCycles(graph: Graph): string[] {
  const cycles = new Set<string>()
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start >= 0) cycles.add([...trail.slice(start), path].join(' → '))
    if (start >= 0 || done.has(path)) return
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of graph.keys()) visit(path, [])
  return [...cycles]
}

/** Each file after those that it imports, so that a fault is found with the file that has it. */
function innermostFirst(graph: Graph): string[] {
  const order: string[] = []
  const seen = new Set<string>()
  const visit = (path: string): void => {
    if (seen.has(path)) return
    seen.add(path)
    for (const next of graph.get(path) ?? []) visit(next)
    order.push(path)
  }
  for (const path of graph.keys()) visit(path)
  return order
}

const forbiddenName = /(^|\/)(index|utils?|helpers?|common|lib|misc)(\.ts$|\/)/

/** A function that is the value of a constant at the top, and has no type from elsewhere. */
const arrowPattern =
  /^(?:export )?const \w+ = (?:async )?(?:<[^\n]+>)?\((?:[^()]|\([^()]*\))*\)(?:: [^\n]+)? =>/m

const environmentPattern = /process\.env|from 'node:process'|from 'process'/

let sources: Map<string, string>
beforeAll(async () => {
  sources = await readSources('src')
})

describe('the sources', () => {
  test('import only downwards, and no face of the gateway imports another', () => {
    expect(sources.size).toBeGreaterThan(80)
    expect(importFaults(graphOf(sources))).toEqual([])
  })

  test('have no import cycles, by types neither', () => {
    expect(importCycles(graphOf(sources))).toEqual([])
  })

  test('import no file that is not there', () => {
    const missing = [...graphOf(sources)].flatMap(([from, imports]) =>
      imports.filter((to) => !sources.has(to) && !to.includes('/generated/')).map((to) => `${from}: ${to}`),
    )
    expect(missing).toEqual([])
  })

  test('have at most 300 lines each', () => {
    const long = [...sources].filter(([, text]) => text.trimEnd().split('\n').length > 300)
    expect(long.map(([path]) => path)).toEqual([])
  })

  test('are named for what is in them', () => {
    expect([...sources.keys()].filter((path) => forbiddenName.test(path))).toEqual([])
  })

  test('declare their functions as functions', () => {
    expect([...sources].filter(([, text]) => arrowPattern.test(text)).map(([path]) => path)).toEqual([])
  })

  test('read the environment in src/cli/cli.ts alone', async () => {
    const others = [...(await readSources('prisma'))].map(([path, text]) => [`prisma/${path}`, text] as const)
    const readers = [...sources, ...others].filter(([, text]) => environmentPattern.test(text))
    expect(readers.map(([path]) => path)).toEqual(['cli/cli.ts'])
  })
})

// Imports one module after the other, where nothing may be written or spawned, and says after which one the process had
// something left to do or a new listener on itself.
const importer = `
const modules = JSON.parse(process.argv[1])
const listeners = () => process.eventNames().map((name) => String(name) + '*' + process.listenerCount(name))
const state = () => [...process.getActiveResourcesInfo(), ...listeners()].sort().join()
// Whoever looks at these opens them, as Node itself does for "import process".
const before = [process.stdin, process.stdout, process.stderr] && state()
for (const path of modules) {
  await import(path)
  const after = state()
  if (after === before) continue
  console.log(path + ' changed [' + before + '] to [' + after + ']')
  process.exit(1)
}`

type Ended = { code: unknown; output: string }

function importAlone(modules: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const permissions = ['--permission', '--allow-fs-read=*']
    execFile(
      process.execPath,
      [...permissions, '--input-type=module', '--eval', importer, JSON.stringify(modules)],
      { cwd: root, env: { PATH: process.env.PATH }, timeout: 60_000 },
      (error, stdout, stderr) =>
        resolve({ code: error ? (error.code ?? error.signal) : 0, output: stdout + stderr }),
    )
  })
}

describe('importing', () => {
  test('every module but src/cli/cli.ts opens nothing, says nothing and ends', {
    timeout: 60_000,
  }, async () => {
    const order = innermostFirst(graphOf(sources))
    // The introspection holds types alone, and only `npm run check` writes it.
    const left = ['cli/cli.ts', 'cli/client/generated/introspection.ts']
    const modules = order.filter((path) => !left.includes(path)).map((path) => `${root}src/${path}`)
    expect(await importAlone(modules)).toEqual({ code: 0, output: '' })
  })

  test.each([
    ['a timer', 'setInterval(() => {}, 60_000)'],
    ['a server', "import { createServer } from 'node:net'; createServer().listen(0)"],
    ['a listener', "process.on('SIGTERM', () => {})"],
    ['a line', "console.log('loaded')"],
    ['a file', "import { writeFileSync } from 'node:fs'; writeFileSync('opened-at-import', '')"],
    ['a process', "import { spawn } from 'node:child_process'; spawn('true')"],
  ])('is found out when it leaves %s', async (_what, code) => {
    const ended = await importAlone([
      `data:text/javascript,${encodeURIComponent(`${code};process.exitCode ??= 0`)}`,
    ])
    expect(ended).not.toEqual({ code: 0, output: '' })
  })
})

describe('the checks above', () => {
  test('read every form of import', () => {
    const text = `
import a from './a.ts'
import type { B } from './b.ts'
import {
  c,
  type D,
} from './c.ts'
import './e.ts'
export { f } from './f.ts'
export * from './g.ts'
const h = await import('./h.ts')
type I = import('./i.ts').I
const text = 'import it from here'
// from './no.ts'`
    const names = ['a', 'b', 'c', 'e', 'f', 'g', 'h', 'i'].map((name) => `./${name}.ts`)
    expect(importsOf(text)).toEqual(names)
  })

  test.each([
    ['a lower layer imports a higher one', 'runs/lifecycle/status.ts', 'schedules/cron.ts'],
    ['an error imports anything else', 'errors.ts', 'postgres/client.ts'],
    ['the worker imports the GraphQL face', 'worker/worker.ts', 'graphql/schema.ts'],
    ['the GraphQL face imports the REST face', 'graphql/schema/run.ts', 'rest/runs.ts'],
    ['a layer imports the top', 'graphql/server.ts', 'server/http.ts'],
    ['a folder has no layer', 'helpers/text.ts', 'ids.ts'],
    ['the client imports the gateway', 'cli/client/report-run.ts', 'errors.ts'],
    ['the client imports a command', 'cli/client/report-run.ts', 'cli/commands/report.ts'],
    ['the worker imports the client', 'worker/worker.ts', 'cli/client/report-run.ts'],
    ['a source imports a test', 'server/http.ts', '../test/support/gateway.ts'],
  ])('find that %s', (_what, from, to) => {
    expect(importFaults(new Map([[from, [to]]]))).toHaveLength(1)
  })

  test('allow what the design allows', () => {
    const allowed = new Map([
      ['server/gateway.ts', ['worker/worker.ts', 'graphql/server.ts', 'server/http.ts', 'config/config.ts']],
      ['cli/commands/report.ts', ['cli/client/report-run.ts', 'cli/command.ts']],
      ['graphql/server.ts', ['runs/lifecycle/status.ts', 'graphql/schema.ts', 'errors.ts']],
      ['runs/lifecycle/status.ts', ['reports/catalog.ts', 'auth/viewer.ts', 'runs/follow/event-log.ts']],
    ])
    expect(importFaults(allowed)).toEqual([])
  })

  test('find a cycle, and none where two ways meet', () => {
    const cycle = new Map([
      ['a.ts', ['b.ts']],
      ['b.ts', ['c.ts']],
      ['c.ts', ['b.ts']],
    ])
    const meeting = new Map([
      ['a.ts', ['b.ts', 'c.ts']],
      ['b.ts', ['d.ts']],
      ['c.ts', ['d.ts']],
      ['d.ts', []],
    ])
    expect(importCycles(cycle)).toEqual(['b.ts → c.ts → b.ts'])
    expect(importCycles(meeting)).toEqual([])
  })

  test.each(['index.ts', 'graphql/utils.ts', 'utils/text.ts', 'runs/helper.ts', 'common/ids.ts'])(
    'find the name %s',
    (path) => {
      expect(path).toMatch(forbiddenName)
    },
  )

  test.each(['const f = () => 1', 'export const f = async <T>(\n  a: () => T,\n): Promise<T> => a()'])(
    'find the arrow function `%s`',
    (text) => {
      expect(text).toMatch(arrowPattern)
    },
  )

  test.each(['process.env.PORT', "import { env } from 'node:process'"])('find `%s`', (text) => {
    expect(text).toMatch(environmentPattern)
  })
})
