import { buildSchema, execute, parse } from 'graphql'
import pino from 'pino'
import { expect, test } from 'vitest'
import { createErrorMask } from '../../src/graphql/errors.ts'

const schema = buildSchema('type Query { count(add: Int! = 0): Int }')
const mask = createErrorMask(pino({ level: 'silent' }))

/** The codes that a client sees; `count` is what the resolver gives. */
async function codesOf(query: string, count: unknown, variableValues = {}): Promise<unknown[]> {
  const rootValue = { count }
  const result = await execute({ schema, document: parse(query), rootValue, variableValues })
  return (result.errors ?? []).map((error) => mask(error).extensions.code)
}

test('a value of a variable that does not fit is a mistake of the client', async () => {
  expect(await codesOf('query ($n: Int) { count(add: $n) }', 1, { n: 'x' })).toEqual(['BAD_USER_INPUT'])
})

test('null for an argument that may only be absent is one, too', async () => {
  expect(await codesOf('query ($n: Int) { count(add: $n) }', 1, { n: null })).toEqual(['BAD_USER_INPUT'])
})

test('a value that a scalar cannot write is a fault of the gateway', async () => {
  expect(await codesOf('{ count }', 'many')).toEqual(['INTERNAL_SERVER_ERROR'])
})
