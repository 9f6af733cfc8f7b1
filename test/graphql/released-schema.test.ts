import { readFile } from 'node:fs/promises'
import { buildSchema, type GraphQLSchema } from 'graphql'
import { expect, test } from 'vitest'
import { findIncompatibleChanges } from '../support/schema-changes.ts'

async function readSchema(name: string): Promise<GraphQLSchema> {
  return buildSchema(await readFile(new URL(`../../${name}`, import.meta.url), 'utf8'))
}

test('the schema has no incompatible change since its release', async () => {
  const changes = findIncompatibleChanges(
    await readSchema('schema.released.graphql'),
    await readSchema('schema.graphql'),
  )
  const advice =
    'These changes break clients of the released schema. Deprecate instead, or accept them for a new release with `npm run schema:release`'
  expect(changes, `${advice}:\n${changes.join('\n')}\n`).toEqual([])
})

const released = `
  type Query { run(id: ID!, first: Int = 10): Run }
  type Run { id: ID!  label: String  status: Status! }
  enum Status { PENDING DONE }
  input Scope { id: ID  tag: String }
  type Mutation { cancel(scope: Scope): Run }
`

/** The incompatible changes after a part of the text above is replaced. */
function findAfter(before: string, after: string): string[] {
  return findIncompatibleChanges(buildSchema(released), buildSchema(released.replace(before, after)))
}

test.each([
  ['a field is removed', 'label: String ', '', 'FIELD_REMOVED: Field Run.label was removed.'],
  ['a field becomes nullable', 'status: Status!', 'status: Status', 'FIELD_CHANGED_KIND'],
  ['an enum value is removed', 'PENDING DONE', 'DONE', 'VALUE_REMOVED_FROM_ENUM'],
  ['an argument is required', 'run(id: ID!,', 'run(id: ID!, mode: Int!,', 'REQUIRED_ARG_ADDED'],
  ['a default changes', 'first: Int = 10', 'first: Int = 20', 'ARG_DEFAULT_VALUE_CHANGE'],
  ['an input becomes @oneOf', 'input Scope', 'input Scope @oneOf', 'ONE_OF_ADDED'],
])('%s is found', (_what, before, after, expected) => {
  expect(findAfter(before, after)).toEqual([expect.stringContaining(expected)])
})

test.each([
  ['a field', 'label: String', 'label: String  title: String'],
  ['an enum value', 'PENDING DONE', 'PENDING DONE FAILED'],
  ['an optional input field', 'tag: String', 'tag: String  origin: String'],
  ['an optional argument', 'first: Int = 10', 'first: Int = 10, last: Int'],
])('%s can be added', (_what, before, after) => {
  expect(findAfter(before, after)).toEqual([])
})
