import { execute, GraphQLError, GraphQLScalarType, parse, validate } from 'graphql'
import { createSchema, createYoga } from 'graphql-yoga'
import pino from 'pino'
import { beforeEach, describe, expect, test } from 'vitest'
import { createErrorMask } from '../../src/graphql/errors.ts'

const schema = createSchema({
  typeDefs: `
    interface Node { id: ID }
    type Run implements Node { id: ID }
    scalar Strict
    type Query { count(add: Int! = 0, by: Strict): Int, node: Node }
  `,
  resolvers: {
    Strict: new GraphQLScalarType({
      name: 'Strict',
      coerceInputValue: () => {
        throw new TypeError('Not a GraphQLError.')
      },
    }),
  },
})

const logged: unknown[] = []
const mask = createErrorMask(pino({ base: null }, { write: (line) => logged.push(JSON.parse(line)) }))
beforeEach(() => void logged.splice(0))

/** GraphQL's own executor, and the one of Yoga. */
const executors = {
  graphql: execute,
  Yoga: createYoga({ schema, maskedErrors: false, logging: false }).getEnveloped().execute,
}

describe.each(Object.entries(executors))('executed by %s', (_name, execute) => {
  /** The error codes that a client sees. `root` contains the values of the resolvers. */
  async function codesOf(query: string, root: object, variableValues = {}): Promise<unknown[]> {
    const result = await execute({ schema, document: parse(query), rootValue: root, variableValues })
    return (result.errors ?? []).map((error: unknown) => mask(error).extensions.code)
  }

  test('an invalid value of a variable is an error of the client', async () => {
    const query = 'query ($n: Int) { count(add: $n) }'
    expect(await codesOf(query, { count: 1 }, { n: 'x' })).toEqual(['BAD_USER_INPUT'])
    expect(logged).toEqual([])
  })

  test('null for an argument that can only be omitted is an error of the client', async () => {
    const query = 'query ($n: Int) { count(add: $n) }'
    expect(await codesOf(query, { count: 1 }, { n: null })).toEqual(['BAD_USER_INPUT'])
    expect(logged).toEqual([])
  })

  test('a value for which a scalar throws any error is an error of the client', async () => {
    const query = 'query ($s: Strict) { count(by: $s) }'
    expect(await codesOf(query, { count: 1 }, { s: 'x' })).toEqual(['BAD_USER_INPUT'])
    expect(await codesOf('{ count(by: "x") }', { count: 1 })).toEqual(['BAD_USER_INPUT'])
    expect(logged).toEqual([])
  })

  test('an error of a resolver is an internal error', async () => {
    const count = () => {
      throw new TypeError('Not a GraphQLError.')
    }
    expect(await codesOf('{ count }', { count })).toEqual(['INTERNAL_SERVER_ERROR'])
  })

  test('a value that a scalar cannot serialize is an internal error', async () => {
    expect(await codesOf('{ count }', { count: 'many' })).toEqual(['INTERNAL_SERVER_ERROR'])
  })

  test('an object without a type is an internal error', async () => {
    expect(await codesOf('{ node { id } }', { node: {} })).toEqual(['INTERNAL_SERVER_ERROR'])
    expect(await codesOf('{ node { id } }', { node: { __typename: 'Gone' } })).toEqual([
      'INTERNAL_SERVER_ERROR',
    ])
    const message = expect.stringContaining('Abstract type')
    expect(logged).toMatchObject([{ err: { message } }, { err: { message } }])
  })
})

test('an error of validation keeps its code, whatever the scalar throws', () => {
  const [error] = validate(schema, parse('{ count(by: "x") }'))
  Object.assign(error?.extensions ?? {}, { code: 'GRAPHQL_VALIDATION_FAILED' })
  expect(mask(error).extensions.code).toBe('GRAPHQL_VALIDATION_FAILED')
})

test.each(['NEW_CODE', 'INTERNAL_SERVER_ERROR'])(
  'an error of a library with the code %s is an internal error, logged with its ID',
  (code) => {
    const error = new GraphQLError('Detail.', { extensions: { code, http: { status: 418 } } })
    const { message, extensions } = mask(error)
    expect(message).not.toContain('Detail')
    expect(extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR', errorId: expect.any(String) })
    expect(logged).toMatchObject([{ errorId: extensions.errorId, err: { message: 'Detail.' } }])
  },
)

test('a masked error that passes the mask again stays the same', () => {
  const masked = mask(new Error('Detail.'))
  expect(mask(masked)).toEqual(masked)
  expect(logged).toHaveLength(1)
})

const secret = `sk_test_${'0123456789'.repeat(5)}`

test('the extensions that a library adds are removed', () => {
  const originalError = { name: 'SyntaxError', message: secret }
  const extensions = {
    code: 'BAD_REQUEST',
    argument: 'a',
    originalError,
    stack: secret,
    http: { status: 400 },
  }
  expect(mask(new GraphQLError('Invalid.', { extensions })).extensions).toEqual({
    code: 'BAD_REQUEST',
    argument: 'a',
    http: { status: 400 },
  })
})

test('a message keeps its beginning and its end when it is long, and no secret', () => {
  const shown = (message: string): string =>
    mask(new GraphQLError(message, { extensions: { code: 'BAD_REQUEST' } })).message
  const long = shown(`Start ${secret} ${'a b '.repeat(200_000)} ${secret} end`)
  expect(long).toMatch(/^Start sk_test_0.*… a b .* end$/)
  expect(long.length).toBeLessThanOrEqual(2_000)
  expect(long).not.toContain(secret)
  expect(shown('Short.')).toBe('Short.')
})
