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
const outage = fail(refusal('UNAVAILABLE', 'Outage.', { headers: { 'Retry-After': '2' } }))
const crowd = fail(refusal('LIMIT_REACHED', 'Crowd.', { headers: { 'Retry-After': '5' } }))

const fields = ['one', 'none', 'fault', 'noKey', 'outage', 'crowd']

const yoga = createYoga({
  schema: createSchema({
    // A required field that fails leaves no data.
    typeDefs: `type Query { ${fields.map((field) => `${field}: Int`)}, mustFault: Int!, mustNoKey: Int! }`,
    resolvers: {
      Query: {
        one: () => 1,
        none: () => null,
        fault,
        noKey,
        outage,
        crowd,
        mustFault: fault,
        mustNoKey: noKey,
      },
    },
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

  test.each([
    ['{ outage }', 503, '2'],
    ['{ a: outage b: outage }', 503, '2'],
    ['{ crowd }', 429, '5'],
  ])(
    'a response whose root fields must all be requested again has no data: %s',
    async (query, status, seconds) => {
      const response = await ask(query)
      expect([response.status, response.headers.get('retry-after')]).toEqual([status, seconds])
      const { data, errors } = await response.json()
      expect([data, errors[0].path]).toEqual([null, [expect.any(String)]])
    },
  )

  test.each([
    ['{ one noKey }', { one: 1, noKey: null }],
    ['{ one fault }', { one: 1, fault: null }],
    ['{ one outage noKey fault }', { one: 1, outage: null, noKey: null, fault: null }],
    ['{ one outage }', { one: 1, outage: null }],
    ['{ none outage }', { none: null, outage: null }],
    ['{ fault outage }', { fault: null, outage: null }],
    ['{ noKey }', { noKey: null }],
  ])('a response with data has status 200: %s', async (query, data) => {
    const response = await ask(query)
    expect([response.status, (await response.json()).data]).toEqual([200, data])
  })

  test('the headers of an error are sent', async () => {
    expect((await ask('{ one mustNoKey }')).headers.get('www-authenticate')).toBe('Bearer')
  })
})
