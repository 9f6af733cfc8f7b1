import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

const project = fileURLToPath(new URL('../support/relay', import.meta.url))
const schemaPath = fileURLToPath(new URL('../../schema.graphql', import.meta.url))
const compiler = createRequire(import.meta.url).resolve('relay-compiler/cli.js')

type Compiled = { code: unknown; output: string; artifacts: Map<string, string> }

/** Compiles the Relay project in a folder of its own, against schema.graphql as `change` makes it. */
async function compile(change: (schema: string) => string = (schema) => schema): Promise<Compiled> {
  const folder = await mkdtemp(join(tmpdir(), 'relay-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await cp(project, folder, { recursive: true })
  await writeFile(join(folder, 'schema.graphql'), change(await readFile(schemaPath, 'utf8')))
  await mkdir(join(folder, 'artifacts'))
  const { code, output } = await new Promise<Omit<Compiled, 'artifacts'>>((resolve) => {
    const done = (error: Error | null, stdout: string, stderr: string): void =>
      resolve({ code: error && 'code' in error ? error.code : 0, output: stdout + stderr })
    execFile(process.execPath, [compiler, 'relay.config.json'], { cwd: folder }, done)
  })
  const artifacts = new Map<string, string>()
  for (const name of await readdir(join(folder, 'artifacts'))) {
    artifacts.set(name, await readFile(join(folder, 'artifacts', name), 'utf8'))
  }
  return { code, output, artifacts }
}

test('the compiler of Relay takes the schema, with pages, new nodes, subscriptions and nodes that are read again', async () => {
  const { code, output, artifacts } = await compile()
  expect(code, output).toBe(0)
  expect([...artifacts.keys()].toSorted()).toEqual([
    'RunListCreateMutation.graphql.ts',
    'RunListPageQuery.graphql.ts',
    'RunListQuery.graphql.ts',
    'RunListRetriesQuery.graphql.ts',
    'RunListRunQuery.graphql.ts',
    'RunListRunSubscription.graphql.ts',
    'RunList_retries.graphql.ts',
    'RunList_run.graphql.ts',
    'RunList_runs.graphql.ts',
  ])
  expect(artifacts.get('RunListRunQuery.graphql.ts')).toContain('node(id: $id)')
})

test.each([
  [
    'edges without a cursor',
    /^type ReportRunEdge \{[^}]*\}/m,
    'type ReportRunEdge { node: ReportRun! }',
    "to expose a 'edges { cursor }' field",
  ],
  [
    'a page without information on itself',
    /^ {2}pageInfo: PageInfo!$/gm,
    '  page: PageInfo!',
    "to expose a 'pageInfo' field",
  ],
  [
    'objects that cannot be read again',
    /^type ReportRun implements Node /m,
    'type ReportRun ',
    'Invalid use of @refetchable',
  ],
])('it refuses %s', async (_what, part, replacement, message) => {
  const { code, output } = await compile((schema) => {
    expect(schema).toMatch(part)
    return schema.replace(part, replacement)
  })
  expect(code).not.toBe(0)
  expect(output).toContain(message)
})
