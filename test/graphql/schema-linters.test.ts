import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { lintWithGraphqlEslint, lintWithSchemaLinter } from '../support/schema-linters.ts'

const schemaPath = fileURLToPath(new URL('../../schema.graphql', import.meta.url))

async function writeSdl(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'schema-linters-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'schema.graphql')
  await writeFile(path, text)
  return path
}

test('@graphql-eslint accepts schema.graphql', async () => {
  expect(await lintWithGraphqlEslint(schemaPath)).toEqual([])
})

test('graphql-schema-linter accepts schema.graphql', async () => {
  expect(await lintWithSchemaLinter(schemaPath)).toEqual([])
})

const flawed = `"""Reads."""
type Query {
  """Runs."""
  getRuns(last: Int): RunConnection!
}

"""Writes."""
type Mutation {
  """Creates a run."""
  createRun(input: RunInput!): ID
}

"""A run to create."""
input RunInput {
  """Its label."""
  label: String
}

"""A page of runs."""
type RunConnection {
  """Runs."""
  edges: [Run!]!
}

type Run {
  Label: String @deprecated
}
`

test('@graphql-eslint reports the errors of a bad schema', async () => {
  const faults = await lintWithGraphqlEslint(await writeSdl(flawed))
  const rules = faults.map((fault) => /\(@graphql-eslint\/(.+)\)$/.exec(fault)?.[1])
  expect(new Set(rules)).toEqual(
    new Set([
      'input-name',
      'naming-convention',
      'no-scalar-result-type-on-mutation',
      'relay-arguments',
      'relay-connection-types',
      'relay-edge-types',
      'relay-page-info',
      'require-deprecation-reason',
      'require-description',
    ]),
  )
})

test('graphql-schema-linter reports the errors of a bad schema', async () => {
  const faults = (await lintWithSchemaLinter(await writeSdl(flawed))).join('\n')
  expect(faults).toContain('The object type `Run` is missing a description.')
  expect(faults).toContain('Connection `RunConnection` is missing the following field: pageInfo.')
  expect(faults).toContain('is deprecated but has no deprecation reason')
})
