import { getIntrospectionQuery } from 'graphql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'

/** The settings of an operator that reveal as little as possible to clients. */
const production = { introspection: false, suggestions: false, graphiql: false, getQueries: false }

let gateway: TestGateway
let account: TestAccount
let open: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway({ config: production })
  account = await gateway.createAccount()
  open = await startTestGateway()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await open[Symbol.asyncDispose]()
})

type Answer = {
  status: number
  type: string | null
  text: string
  body: { data?: unknown; errors?: { message: string; extensions: object }[] }
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text()
  const type = response.headers.get('content-type')
  return { status: response.status, type, text, body: type?.includes('json') ? JSON.parse(text) : {} }
}

// The checks of graphql-cop, https://github.com/dolevf/graphql-cop, each without and with an API key.
describe.each(['a stranger', 'a client'])('in production, %s', (who) => {
  const key = (): Record<string, string> =>
    who === 'a client' ? { authorization: `Bearer ${account.key}` } : {}

  const post = async (body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
    answerOf(
      await fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...key(), ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    )

  const ask = (query: string): Promise<Answer> => post({ query })

  const get = async (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
    answerOf(await fetch(`${gateway.url}${path}`, { headers: { ...key(), ...headers } }))

  const expectRefusal = ({ status, body }: Answer, refusal: { status: number; code: string }): void => {
    expect(body).not.toHaveProperty('data')
    expect(body.errors).toMatchObject([{ extensions: { code: refusal.code } }])
    expect(status).toBe(refusal.status)
  }

  const tooLarge = { status: 400, code: 'REQUEST_TOO_LARGE' }

  test('cannot send 101 aliases', async () => {
    const aliases = Array.from({ length: 101 }, (_, i) => `alias${i}:__typename`)
    expectRefusal(await ask(`query cop { ${aliases.join(' \n')} }`), tooLarge)
  })

  test('cannot send ten queries in one request', async () => {
    const batch = await post(Array(10).fill({ query: 'query cop { __typename }' }))
    expectRefusal(batch, { status: 400, code: 'BAD_REQUEST' })
  })

  test('cannot send a query by GET', async () => {
    for (const headers of [{}, { 'x-graphql-yoga-csrf': '1' }]) {
      const answer = await get('/graphql?query=query%20cop%7B__typename%7D', headers)
      expectRefusal(answer, { status: 405, code: 'METHOD_NOT_ALLOWED' })
    }
  })

  test('cannot send a mutation by GET', async () => {
    const answer = await get('/graphql?query=mutation%20cop%7B__typename%7D')
    expectRefusal(answer, { status: 405, code: 'METHOD_NOT_ALLOWED' })
  })

  test.each([
    ['application/x-www-form-urlencoded', 'query=query+cop+%7B__typename%7D'],
    ['text/plain', '{"query":"{__typename}"}'],
    ['text/plain; application/json', '{"query":"{__typename}"}'],
    ['text/plain, application/json', '{"query":"{__typename}"}'],
    [
      'multipart/form-data; boundary=x',
      '--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n{"query":"{__typename}"}\r\n--x--',
    ],
    ['application/graphql', '{__typename}'],
    ['', '{"query":"{__typename}"}'],
  ])('is refused a POST of %s', async (type, body) => {
    const answer = await post(body, { 'content-type': type })
    expectRefusal(answer, { status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' })
    expect(answer.text).toContain('Content-Type: application/json')
  })

  test('cannot send a POST request without a body and with the query in the URL', async () => {
    const address = `${gateway.url}/graphql?query=query%20%7B__typename%7D`
    const answer = await answerOf(await fetch(address, { method: 'POST', headers: key() }))
    expectRefusal(answer, { status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' })
  })

  test('receives no traces', async () => {
    const { status, body } = await post({ query: 'query cop { __typename }' }, { 'x-apollo-tracing': '1' })
    expect([status, Object.keys(body)]).toEqual([200, ['data']])
  })

  test('cannot select the same field 500 times', async () => {
    expectRefusal(await ask(`query cop { ${'__typename \n'.repeat(500)} }`), tooLarge)
  })

  test.each([
    ['a field', 'query cop { __schema { directive } }', {}],
    ['a field of data', 'query cop { viewer { liveMode } }', {}],
    ['an argument', 'query cop { reportRun(idd: "x") { id } }', {}],
    ['a type', 'query cop { node(id: "x") { ... on ReportRunn { id } } }', {}],
    ['a value', 'query cop { reportRuns(filter: { statuses: SUCCEDED }) { totalCount } }', {}],
    ['an input field', 'query cop { reportRuns(filter: { statuse: SUCCEEDED }) { totalCount } }', {}],
    [
      'a value in a variable',
      'query cop($f: ReportRunFilterInput) { reportRuns(filter: $f) { totalCount } }',
      { f: { statuses: 'SUCCEDED' } },
    ],
    [
      'an input field in a variable',
      'query cop($f: ReportRunFilterInput) { reportRuns(filter: $f) { totalCount } }',
      { f: { statuse: 'SUCCEEDED' } },
    ],
    ['a missing selection', '{ reportRun }', {}],
    ['a type of a variable', 'query cop($f: ReportRunFilter) { reportRuns(filter: $f) { totalCount } }', {}],
    ['a field of a subscription', 'subscription cop { reportRunEvent { cursor } }', {}],
    ['a missing selection of a subscription', 'subscription cop { reportRunEvents }', {}],
    [
      'a value in a variable of a subscription',
      'subscription cop($s: ReportRunScopeInput) { reportRunEvents(scope: $s) { cursor } }',
      { s: { filter: { statuses: 'SUCCEDED' } } },
    ],
  ])('is not told a name like that of %s', async (_what, query, variables) => {
    const { text } = await post({ query, variables })
    const streamed = await post({ query, variables }, { accept: 'text/event-stream' })
    for (const answer of [text, streamed.text]) {
      expect(answer).toContain('"errors":[{')
      expect(answer).not.toContain('Did you mean')
    }
  })

  test.each(['/graphql', '/', '/graphiql', '/playground', '/console'])(
    'receives no page at %s',
    async (path) => {
      const { status, type, text } = await get(path, { accept: 'text/html,*/*' })
      expect(status).toBeGreaterThanOrEqual(400)
      expect(type).not.toContain('html')
      expect(text).not.toMatch(/graphiql\.min\.css|GraphQL Playground|GraphiQL|graphql-playground|<html/)
    },
  )

  test.each([
    ['as tools do', getIntrospectionQuery()],
    ['by name', 'query cop { __schema { types { name fields { name } } } }'],
    ['under another name', 'query cop { a: __schema { types { name } } }'],
    ['a type', 'query cop { __type(name: "Query") { name } }'],
    [
      'by fragments of such names',
      '{ ...__schema } fragment __schema on Query { ...__typename } fragment __typename on Query { __schema { queryType { name } } }',
    ],
    ['inline', '{ ... on Query { ... { __schema { queryType { name } } } } }'],
  ])('cannot read the schema, %s', async (_how, query) => {
    expectRefusal(await ask(query), { status: 400, code: 'INTROSPECTION_DISABLED' })
  })

  test('cannot nest introspection in circles', async () => {
    const query =
      'query cop { __schema { types { fields { type { fields { type { fields { type { fields { type { name } } } } } } } } } } }'
    expectRefusal(await ask(query), { status: 400, code: 'INTROSPECTION_DISABLED' })
  })

  test('receives one error for ten unknown directives', async () => {
    const { body } = await ask(`query cop { __typename ${'@aa'.repeat(10)} }`)
    expect(body.errors).toMatchObject([{ message: 'Unknown directive "@aa".' }])
  })

  test('receives a limited number of validation errors', async () => {
    const unknown = Array.from({ length: 200 }, (_, i) => `unknown${i}`)
    const { body } = await ask(`query cop { ${unknown.join(' ')} }`)
    expect(body.errors?.map(({ message }) => message)).toEqual(
      [0, 1, 2].map((i) => `Cannot query field "unknown${i}" on type "Query".`),
    )
  })

  test('receives a limited number of errors for invalid values', async () => {
    const filter = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`unknown${i}`, i]))
    const query = 'query cop($f: ReportRunFilterInput) { reportRuns(filter: $f) { totalCount } }'
    const { body } = await post({ query, variables: { f: filter } })
    expect(body.errors?.map(({ message }) => message)).toEqual(
      [0, 1, 2].map((i) => expect.stringContaining(`unknown${i}`)),
    )
  })

  test('receives a limited number of errors for invalid values of a subscription', async () => {
    const query = `subscription cop($a: Boolean!, $b: Boolean!, $c: Boolean!, $d: Boolean!) {
      reportRun(id: "x") { id @include(if: $a) @skip(if: $b) status @include(if: $c) @skip(if: $d) }
    }`
    const { text } = await post({ query }, { accept: 'text/event-stream' })
    expect(text.match(/was not provided/g)).toHaveLength(3)
  })

  test('receives no stack trace', async () => {
    const { body, text } = await ask('qwerty cop { abc }')
    expect(body.errors).toHaveLength(1)
    expect(text).not.toMatch(/exception|stack|node_modules|\.ts\b|at \w+ \(/i)
  })

  test('can select the names of types', async () => {
    expect((await ask('query cop { __typename }')).body).toEqual({ data: { __typename: 'Query' } })
  })
})

test('in production, a subscription by GET is served', async () => {
  const query = 'subscription { reportRun(id: "frr_01m800000000000000000000a") { id } }'
  const response = await fetch(`${gateway.url}/graphql?${new URLSearchParams({ query })}`, {
    headers: { authorization: `Bearer ${account.key}`, accept: 'text/event-stream' },
  })
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  expect(await response.text()).not.toContain('METHOD_NOT_ALLOWED')
})

test('in production, WebSockets have the same rules', async () => {
  const ask = (query: string) => Array.fromAsync(account.client.subscribe(query))
  await expect(ask('{ __schema { queryType { name } } }')).rejects.toMatchObject([
    { extensions: { code: 'INTROSPECTION_DISABLED' } },
  ])
  const answer = await ask('{ viewer { liveMode } }').catch((errors: unknown) => errors)
  expect(answer).toMatchObject([{ message: 'Cannot query field "liveMode" on type "Viewer".' }])
  const incomplete = await ask('{ reportRun }').catch((errors: unknown) => errors)
  expect(JSON.stringify(incomplete)).toMatch(/must have a selection of subfields\."/)
  expect(await ask('{ __typename }')).toEqual([{ data: { __typename: 'Query' } }])
})

describe('by default', () => {
  const get = async (headers: Record<string, string>): Promise<Answer> =>
    answerOf(await fetch(`${open.url}/graphql?query=%7B__typename%7D`, { headers }))

  const served = { status: 200, body: { data: { __typename: 'Query' } } }
  const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'

  test.each([
    ['as GraphiQL reads it', {}],
    [
      'as code generators read it',
      {
        descriptions: true,
        specifiedByUrl: true,
        directiveIsRepeatable: true,
        schemaDescription: true,
        inputValueDeprecation: true,
        oneOf: true,
      },
    ],
  ])('the whole schema is read, %s', async (_who, options) => {
    expect(await (await open.createAccount()).client.request(getIntrospectionQuery(options))).toHaveProperty(
      '__schema.types',
    )
  })

  test('errors contain suggestions', async () => {
    const { client } = await open.createAccount()
    const { errors } = await client.execute('{ viewer { liveMode } }')
    expect(errors?.[0]?.message).toContain('Did you mean "livemode"?')
  })

  test.each([
    ['from another client than a browser', { 'user-agent': 'curl/8.0' }],
    ['from a page of the gateway', { 'user-agent': firefox, 'sec-fetch-site': 'same-origin' }],
    ['entered by a user', { 'user-agent': firefox, 'sec-fetch-site': 'none' }],
    [
      'with X-GraphQL-Yoga-CSRF',
      { 'user-agent': firefox, 'sec-fetch-site': 'cross-site', 'x-graphql-yoga-csrf': '1' },
    ],
    ['with Apollo-Require-Preflight', { 'user-agent': firefox, 'apollo-require-preflight': 'true' }],
  ])('a GET %s is served', async (_what, headers) => {
    expect(await get(headers)).toMatchObject(served)
  })

  test('a GET request with a key is served', async () => {
    const { key } = await open.createAccount()
    const headers = { 'user-agent': firefox, 'sec-fetch-site': 'cross-site', authorization: `Bearer ${key}` }
    expect(await get(headers)).toMatchObject(served)
  })

  test.each([
    ['from another website', { 'sec-fetch-site': 'cross-site' }],
    ['from another subdomain', { 'sec-fetch-site': 'same-site' }],
    ['from a browser that does not send its origin', { 'user-agent': firefox }],
    ['with only an Accept header', { 'user-agent': firefox, accept: 'application/graphql-response+json' }],
  ])('a GET %s is refused, and told what to send', async (_what, headers) => {
    const { status, body } = await get(headers)
    expect(status).toBe(403)
    expect(body).toEqual({
      errors: [
        { message: expect.stringContaining('"X-GraphQL-Yoga-CSRF"'), extensions: { code: 'CSRF_PREVENTED' } },
      ],
    })
  })

  test('a GET request whose variables are not JSON is rejected', async () => {
    const response = await fetch(`${open.url}/graphql?query=%7B__typename%7D&variables=%7Bbad`)
    const { status, body } = await answerOf(response)
    expect([status, body.errors?.[0]?.extensions]).toEqual([400, { code: 'BAD_REQUEST' }])
  })

  test('a link to GraphiQL works from any website', async () => {
    const answer = await answerOf(
      await fetch(`${open.url}/graphql`, {
        headers: { 'user-agent': firefox, 'sec-fetch-site': 'cross-site', accept: 'text/html' },
      }),
    )
    expect([answer.status, answer.type]).toEqual([200, 'text/html; charset=utf-8'])
  })
})
