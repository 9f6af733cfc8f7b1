import { createSchema, createYoga } from 'graphql-yoga'
import pino from 'pino'
import { describe, expect, test } from 'vitest'
import { createErrorMask, refusal } from '../../../src/graphql/errors.ts'
import { setErrorStatuses } from '../../../src/graphql/plugins/error-statuses.ts'

const maskError = createErrorMask(pino({ level: 'silent' }))

function fail(error: Error): () => never {
  return () => {
    throw error
  }
}

const fault = fail(new Error('fault'))
const noKey = fail(refusal('UNAUTHENTICATED', 'No key.', { headers: { 'WWW-Authenticate': 'Bearer' } }))
const outage = fail(refusal('UNAVAILABLE', 'Outage.'))

const yoga = createYoga({
  schema: createSchema({
    // A required field that fails leaves no data.
    typeDefs:
      'type Query { one: Int, fault: Int, noKey: Int, outage: Int, mustFault: Int!, mustNoKey: Int! }',
    resolvers: { Query: { one: () => 1, fault, noKey, outage, mustFault: fault, mustNoKey: noKey } },
  }),
  plugins: [setErrorStatuses(maskError)],
  maskedErrors: { maskError },
  logging: false,
})

describe.each(['application/graphql-response+json', 'application/json', '*/*'])('accepting %s', (accept) => {
  const ask = async (query: string): Promise<Response> =>
    await yoga.fetch('http://test/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept },
      body: JSON.stringify({ query }),
    })

  test.each([
    ['{ one mustFault }', 500],
    ['{ one mustNoKey }', 401],
  ])('a response without data has the status of its error: %s', async (query, status) => {
    const response = await ask(query)
    expect([response.status, await response.json()]).toMatchObject([status, { data: null }])
  })

  test.each([
    ['{ noKey mustFault }', 500],
    ['{ fault mustNoKey }', 500],
    ['{ outage mustNoKey }', 503],
  ])('the highest status of several errors applies: %s', async (query, status) => {
    const response = await ask(query)
    const { data, errors } = await response.json()
    expect([response.status, data, errors.length]).toEqual([status, null, 2])
  })

  test('a response with data has status 200', async () => {
    for (const query of ['{ one noKey }', '{ one fault }', '{ one outage noKey fault }']) {
      const response = await ask(query)
      expect([response.status, await response.json()]).toMatchObject([200, { data: { one: 1 } }])
    }
  })

  test('the headers of an error are sent', async () => {
    expect((await ask('{ one mustNoKey }')).headers.get('www-authenticate')).toBe('Bearer')
  })
})
