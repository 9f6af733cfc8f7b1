import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Returns the texts of all TypeScript files in `folder` by relative path, without generated files. */
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

/** Returns all imports of a text, including type imports. */
function importsOf(text: string): string[] {
  return [...text.matchAll(importPattern)].map(([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? '')
}

/** The imports that Node follows before it runs the text. */
function staticImportsOf(text: string): string[] {
  return importsOf(text.replaceAll(/^import type\b[^'"]*['"][^'"]+['"]|\bimport\([^)]*\)/gm, ''))
}

type Graph = ReadonlyMap<string, readonly string[]>

/** Returns the imports between the files of a folder. */
function graphOf(sources: ReadonlyMap<string, string>): Graph {
  return new Map(
    [...sources].map(([path, text]) => {
      // Data files have no imports.
      const own = importsOf(text).filter((name) => name.startsWith('.') && !name.endsWith('.json'))
      return [path, own.map((specifier) => posix.join(posix.dirname(path), specifier))]
    }),
  )
}

// Each layer imports only from itself and from earlier layers. An entry is a folder, or a file at the top.
const layers: readonly (readonly string[])[] = [
  [
    'close-codes.ts',
    'error-codes.ts',
    'errors.ts',
    'event-loop.ts',
    'fair-queue.ts',
    'ids.ts',
    'json.ts',
    'logger.ts',
    'metrics.ts',
    'page.ts',
    'request-context.ts',
    'run-every.ts',
    'secrets.ts',
    'tenant.ts',
    'tracing.ts',
    'turns.ts',
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
const interfaces = new Set(['worker', 'graphql', 'rest'])
/** The terminal client uses only the API of the gateway. */
const client = 'cli/client/'

function partOf(path: string): string {
  return path.split('/', 1)[0] ?? path
}

/** Returns NaN for a folder or file that is not in `layers`. */
function layerOf(path: string): number {
  const layer = layers.findIndex((parts) => parts.includes(partOf(path)))
  return layer >= 0 ? layer : Number.NaN
}

function fault(from: string, to: string): string | null {
  const [importer, imported] = [partOf(from), partOf(to)]
  if (to.startsWith('../')) return `${from} imports ${to}, which is outside src.`
  if (from.startsWith(client) && !to.startsWith(client))
    return `${from} imports ${to}, which is not part of the client.`
  if (!(layerOf(to) <= layerOf(from))) return `${from} imports ${to}, which is in a higher layer or in none.`
  if (interfaces.has(importer) && interfaces.has(imported) && importer !== imported)
    return `${from} imports ${to}, which is another interface.`
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

/** Orders files after their imports, so that a fault is reported for the file that causes it. */
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

/** A top-level constant whose value is an arrow function and that has no declared type. */
const arrowPattern =
  /^(?:export )?const \w+ = (?:async )?(?:<[^\n]+>)?\((?:[^()]|\([^()]*\))*\)(?:: [^\n]+)? =>/m

/** A code, an HTTP status or a close number that the compiler does not compare with the table in error-codes.ts. */
const literalCodePattern =
  /\bextensions: \{[^}]*\bcode: ['"]|\.(?:statusCode = |writeHead\()\d{3}(?! satisfies)|\bResponse\([^)]*status: \d{3}(?! satisfies)|\bCloseCode\.|\b(?:4[45]\d\d|10(?:0[1-9]|1[0-5]))\b/

const environmentPattern = /process\.env|from 'node:process'|from 'process'/

let sources: Map<string, string>
beforeAll(async () => {
  sources = await readSources('src')
})

describe('the sources', () => {
  test('import only lower layers, and no interface imports another', () => {
    expect(sources.size).toBeGreaterThan(80)
    expect(importFaults(graphOf(sources))).toEqual([])
  })

  test('have no import cycles, including type imports', () => {
    expect(importCycles(graphOf(sources))).toEqual([])
  })

  // Each of them takes tens of milliseconds and megabytes.
  test.each([
    ['the file store in S3', '@aws-sdk/client-s3'],
    ['telemetry', '@opentelemetry/sdk-node'],
    ['custom reports', 'yaml'],
    ['reading rows of a Parquet file', 'hyparquet'],
    ['reading rows of a text file', 'csv-parse'],
    ['the page of GraphiQL', '@graphql-yoga/render-graphiql'],
    ['a gateway', 'graphql-yoga'],
    ['a worker', 'pg-copy-streams'],
    ['the import from Stripe', 'stripe'],
  ])('do not load what only %s needs at each start', (_what, name) => {
    const loaded = new Set<string>()
    const packages = new Set<string>()
    const load = (path: string): void => {
      if (loaded.has(path)) return
      loaded.add(path)
      for (const found of staticImportsOf(sources.get(path) ?? '')) {
        if (found.startsWith('.')) load(posix.join(posix.dirname(path), found))
        else packages.add(found)
      }
    }
    load('cli/commands/start.ts')
    expect(loaded).toContain('server/start.ts')
    expect([...sources.values()].flatMap(importsOf)).toContain(name)
    expect(packages).toContain('pg')
    expect(packages).not.toContain(name)
  })

  test('import only existing files', () => {
    const missing = [...graphOf(sources)].flatMap(([from, imports]) =>
      imports.filter((to) => !sources.has(to) && !to.includes('/generated/')).map((to) => `${from}: ${to}`),
    )
    expect(missing).toEqual([])
  })

  test('import only packages that a production install has', async () => {
    const { dependencies }: { dependencies: Record<string, string> } = JSON.parse(
      await readFile(`${root}/package.json`, 'utf8'),
    )
    // Node removes imports of types.
    const texts = [...sources.values()].map((text) => text.replaceAll(/^import type\b.*$/gm, ''))
    const packages = texts.flatMap(importsOf).flatMap((name) => {
      const [, found = ''] = /^((?:@[^/]+\/)?[^/.][^/:]*)(?:\/.*)?$/.exec(name) ?? []
      return found === '' || isBuiltin(name) ? [] : [found]
    })
    expect(packages.length).toBeGreaterThan(50)
    expect(packages.filter((name) => !Object.hasOwn(dependencies, name))).toEqual([])
  })

  test('have at most 300 lines each', () => {
    const long = [...sources].filter(([, text]) => text.trimEnd().split('\n').length > 300)
    expect(long.map(([path]) => path)).toEqual([])
  })

  test('have specific names', () => {
    expect([...sources.keys()].filter((path) => forbiddenName.test(path))).toEqual([])
  })

  test('use function declarations', () => {
    expect([...sources].filter(([, text]) => arrowPattern.test(text)).map(([path]) => path)).toEqual([])
  })

  test('take codes of errors, statuses and close numbers from error-codes.ts', () => {
    const faces = [...sources].filter(([path]) => /^(graphql|server|storage)\//.test(path))
    expect(faces.filter(([, text]) => literalCodePattern.test(text)).map(([path]) => path)).toEqual([])
  })

  test('read the environment only in src/cli/cli.ts', async () => {
    const others = [...(await readSources('prisma'))].map(([path, text]) => [`prisma/${path}`, text] as const)
    const readers = [...sources, ...others].filter(([, text]) => environmentPattern.test(text))
    expect(readers.map(([path]) => path)).toEqual(['cli/cli.ts'])
  })
})

// Imports modules one by one, without permission to write or spawn, and reports the first module after which the process
// has an active resource or a new listener.
const importer = `
const modules = JSON.parse(process.argv[1])
const listeners = () => process.eventNames().map((name) => String(name) + '*' + process.listenerCount(name))
const state = () => [...process.getActiveResourcesInfo(), ...listeners()].sort().join()
// Reading these properties opens the streams, as Node.js does for "import process".
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
  test('any module except src/cli/cli.ts opens nothing, prints nothing and ends', {
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
  ])('detects a module that leaves %s', async (_what, code) => {
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
    ['the worker imports the GraphQL interface', 'worker/worker.ts', 'graphql/schema.ts'],
    ['the GraphQL interface imports the REST interface', 'graphql/schema/run.ts', 'rest/runs.ts'],
    ['a layer imports the top', 'graphql/server.ts', 'server/http.ts'],
    ['a folder has no layer', 'helpers/text.ts', 'ids.ts'],
    ['the client imports the gateway', 'cli/client/report-run.ts', 'errors.ts'],
    ['the client imports a command', 'cli/client/report-run.ts', 'cli/commands/report.ts'],
    ['the worker imports the client', 'worker/worker.ts', 'cli/client/report-run.ts'],
    ['a source imports a test', 'server/http.ts', '../test/support/gateway.ts'],
  ])('find that %s', (_what, from, to) => {
    expect(importFaults(new Map([[from, [to]]]))).toHaveLength(1)
  })

  test('allow valid imports', () => {
    const allowed = new Map([
      ['server/gateway.ts', ['worker/worker.ts', 'graphql/server.ts', 'server/http.ts', 'config/config.ts']],
      ['cli/commands/report.ts', ['cli/client/report-run.ts', 'cli/command.ts']],
      ['graphql/server.ts', ['runs/lifecycle/status.ts', 'graphql/schema.ts', 'errors.ts']],
      ['runs/lifecycle/status.ts', ['reports/catalog.ts', 'auth/viewer.ts', 'runs/follow/event-log.ts']],
    ])
    expect(importFaults(allowed)).toEqual([])
  })

  test('find a cycle, but not two paths to the same file', () => {
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

  test.each([
    "new GraphQLError(message, { extensions: { code: 'OTHER' } })",
    'response.statusCode = 418',
    'response.writeHead(418, {})',
    'new fetchAPI.Response(null, { status: 418 })',
    'socket.close(4499)',
    'socket.close(1011, reason)',
    'socket.close(CloseCode.Forbidden)',
  ])('find the literal code in `%s`', (text) => {
    expect(text).toMatch(literalCodePattern)
  })

  test.each(['process.env.PORT', "import { env } from 'node:process'"])('find `%s`', (text) => {
    expect(text).toMatch(environmentPattern)
  })
})

// All processes use the time of the database, which `now` of Services returns. What measures a span in a process uses
// performance.now(), which no one can set. docs/adr/0022-time-from-the-database.md has the reason for each of these files.
const clockReaders = new Set([
  'auth/accounts.ts',
  'auth/api-keys.ts',
  'cli/commands/import-files.ts',
  'cli/commands/import-options.ts',
  'cli/commands/import-stripe.ts',
  'cli/commands/keys.ts',
  'cli/commands/report.ts',
  'ledger/stripe/retrying-client.ts',
  'postgres/clock.ts',
])

test("no other file reads the machine's clock", async () => {
  const sources = await readSources('src')
  const readers = [...sources].filter(([, text]) =>
    /\bnew Date\(\)|\bDate\.now\b|\bTemporal\.Now\b/.test(text),
  )
  expect(new Set(readers.map(([path]) => path))).toEqual(clockReaders)
})
