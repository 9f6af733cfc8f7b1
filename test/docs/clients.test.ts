import { isObjectType, isScalarType, isSpecifiedScalarType } from 'graphql'
import { expect, test } from 'vitest'
import { schema } from '../../src/graphql/schema.ts'
import { readFencedBlocks } from '../support/fenced-blocks.ts'

const types = Object.values(schema.getTypeMap())
const scalars = types.filter((type) => isScalarType(type) && !isSpecifiedScalarType(type)).map(String)

async function programIn(page: string, start: string): Promise<string> {
  const blocks = await readFencedBlocks([page])
  return blocks.find(({ text }) => text.startsWith(start))?.text ?? ''
}

function namesIn(text: string, start: string, end: string, pattern: RegExp): (string | undefined)[] {
  const part = text.slice(text.indexOf(start), text.indexOf(end, text.indexOf(start)))
  return [...part.matchAll(pattern)].map(([, name]) => name)
}

test('the scalar maps for code generators have every scalar of the schema', async () => {
  const codegen = await programIn('docs/clients/apollo.md', '// codegen.ts')
  expect(namesIn(codegen, 'scalars: {', '}', /^ +(\w+): '/gm)).toEqual(scalars.sort())
  const relay = JSON.parse(await programIn('docs/clients/relay.md', '{'))
  expect(Object.keys(relay.customScalarTypes)).toEqual(scalars)
})

test('the keys for the cache of urql have every object type without an ID', async () => {
  const program = await programIn('docs/clients/urql.md', '// urql.ts')
  // The cache expects no key of these.
  const isKeyless = /^__|^(Query|Mutation|Subscription|PageInfo)$|(Connection|Edge)$/
  const embedded = types
    .filter((type) => isObjectType(type) && !('id' in type.getFields()) && !isKeyless.test(type.name))
    .map(String)
  expect(namesIn(program, 'const embedded = [', ']', /'(\w+)'/g)).toEqual(embedded.sort())
})
