import { buildSchema, execute, parse } from 'graphql'
import pino from 'pino'
import { expect, test } from 'vitest'
import { createErrorMask } from '../../src/graphql/errors.ts'

const schema = buildSchema('type Query { count(add: Int! = 0): Int }')
const mask = createErrorMask(pino({ level: 'silent' }))

/** The error codes that a client sees. `count` is the value of the resolver. */
async function codesOf(query: string, count: unknown, variableValues = {}): Promise<unknown[]> {
  const rootValue = { count }
  const result = await execute({ schema, document: parse(query), rootValue, variableValues })
  return (result.errors ?? []).map((error) => mask(error).extensions.code)
}

test('an invalid value of a variable is an error of the client', async () => {
  expect(await codesOf('query ($n: Int) { count(add: $n) }', 1, { n: 'x' })).toEqual(['BAD_USER_INPUT'])
})

test('null for an argument that can only be omitted is an error of the client', async () => {
  expect(await codesOf('query ($n: Int) { count(add: $n) }', 1, { n: null })).toEqual(['BAD_USER_INPUT'])
})

test('a value that a scalar cannot serialize is an internal error', async () => {
  expect(await codesOf('{ count }', 'many')).toEqual(['INTERNAL_SERVER_ERROR'])
})
