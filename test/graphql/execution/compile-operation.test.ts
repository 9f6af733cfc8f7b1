import { getOperationAST, parse } from 'graphql'
import { expect, test } from 'vitest'
import { compileOperation } from '../../../src/graphql/execution/compile-operation.ts'
import { schema } from '../../../src/graphql/schema.ts'

test('a selection without fields counts, because a client can send each combination of its variables', () => {
  const operation = getOperationAST(
    parse('query ($a: Boolean!) { __typename @include(if: $a) @skip(if: true) }'),
  )
  const rootType = schema.getQueryType()
  if (!operation || !rootType) throw new Error('The document has no query.')
  const compiled = compileOperation(schema, {}, operation)
  for (const a of [true, false, true]) compiled.select(rootType, { sources: {}, coerced: { a } })
  expect(compiled.size()).toBe(2)
})
