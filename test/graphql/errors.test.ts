import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import type { GraphqlResult, Variables } from '../support/graphql-client.ts'
import { insertRun } from '../support/insert-run.ts'

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway()
  account = await gateway.createAccount()
})
afterAll(() => gateway[Symbol.asyncDispose]())
beforeEach(() => void gateway.logged.splice(0))
// After every test, and at every log level.
afterEach(() => expect(JSON.stringify(gateway.logged)).not.toMatch(/sk_(test|live)_/))

type Answer = GraphqlResult<unknown>

async function first(answers: AsyncGenerator<Answer>): Promise<Answer> {
  for await (const answer of answers) return answer
  throw new Error('The stream ended without a result.')
}

/** The errors of a rejected operation, which the clients throw. */
function errorsOf(thrown: unknown): Answer {
  if (Array.isArray(thrown)) return { errors: thrown }
  throw thrown
}

type Transport = (query: string, variables?: Variables) => Promise<Answer>

// Not with the SSE client, which reports only the status of a response other than 200.
const askOverSse: Transport = async (query, variables) => {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${account.key}`,
      accept: 'text/event-stream',
      'content-type': 'application/json',
    },
    body: JSON.stringify({ query, variables }),
  })
  const [, data = ''] = /^data: (.+)$/m.exec(await response.text()) ?? []
  return JSON.parse(data)
}

/** One operation over each transport. */
const transports: readonly [string, Transport][] = [
  ['HTTP', (query, variables) => account.client.execute(query, variables)],
  ['WebSocket', (query, variables) => first(account.client.subscribe(query, variables)).catch(errorsOf)],
  ['SSE', askOverSse],
]

/** Renames a table while `action` runs, so that queries fail. */
async function withoutTable<Result>(table: string, action: () => Promise<Result>): Promise<Result> {
  await gateway.database.query(`alter table ${table} rename to ${table}_taken_away`)
  try {
    return await action()
  } finally {
    await gateway.database.query(`alter table ${table}_taken_away rename to ${table}`)
  }
}

const errorId = /\b[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}\b/

/** Fails when a result contains internal details: a stack trace, SQL, a path or a key. */
function expectNoInternals(answer: unknown): void {
  const text = JSON.stringify(answer)
  expect(text).not.toMatch(
    /\bat .+:\d+:\d+|node_modules|\/src\/|prisma|select |insert into|report_runs|does not exist/i,
  )
  expect(text).not.toContain(account.key)
  expect(text).not.toMatch(/sk_\w/)
}

/** Fails when a result contains internal details, or when a warning or an error is logged for an error of the client. */
function expectClientError(answer: Answer): void {
  expectNoInternals(answer)
  expect(gateway.logged.filter(({ level }) => Number(level) >= 40)).toEqual([])
}

/** Fails unless the error is masked and the original error is logged with its ID. */
function expectMasked(error: NonNullable<Answer['errors']>[number] | undefined): void {
  expect(error?.message).toMatch(/^Internal error of the gateway\. Give the error ID .+ to support\.$/)
  const id = errorId.exec(error?.message ?? '')?.[0]
  expect(error?.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR', errorId: id })
  expect(gateway.logged.filter(({ level }) => level === 50)).toEqual([
    expect.objectContaining({
      errorId: id,
      err: expect.objectContaining({
        message: expect.stringContaining('report_runs'),
        stack: expect.any(String),
      }),
    }),
  ])
  expectNoInternals(error)
}

describe.each(transports)('over %s', (_name, ask) => {
  test('an internal error is replaced by an ID, and logged with it', async () => {
    const answer = await withoutTable('report_runs', () =>
      ask('{ viewer { livemode } reportRun(id: "frr_0123456789abcdefghjkmnpqr") { id } }'),
    )
    expect(answer.data).toEqual({ viewer: { livemode: false }, reportRun: null })
    expect(answer.errors).toHaveLength(1)
    expect(answer.errors?.[0]?.path).toEqual(['reportRun'])
    expectMasked(answer.errors?.[0])
  })

  test('an internal error of a mutation is replaced by an ID', async () => {
    const run = await insertRun(gateway.prisma, account)
    const answer = await withoutTable('report_runs', () =>
      ask('mutation ($id: ID!) { cancelReportRun(input: { id: $id }) { reportRun { id } } }', { id: run.id }),
    )
    expect(answer.data).toEqual({ cancelReportRun: null })
    expectMasked(answer.errors?.[0])
  })

  test('a validation error is not masked', async () => {
    const answer = await ask('{ reportRun(id: "x") { nam } }')
    expect(answer.errors).toMatchObject([
      { message: expect.stringContaining('Cannot query field "nam" on type "ReportRun"') },
    ])
    expectClientError(answer)
  })

  test('a syntax error has its location', async () => {
    const answer = await ask('{ viewer {')
    expect(answer.errors).toMatchObject([
      { message: expect.stringMatching(/^Syntax Error/), locations: [{ line: 1 }] },
    ])
    expectClientError(answer)
  })

  test('an error for a variable of the wrong type is not masked', async () => {
    const answer = await ask('query ($id: ID!) { reportRun(id: $id) { id } }', {})
    expect(answer.errors).toMatchObject([{ message: expect.stringContaining('"$id"') }])
    expectClientError(answer)
  })

  test('an error that quotes a long value is short and states the reason', async () => {
    const answer = await ask('query ($n: Int) { reportRuns(first: $n) { totalCount } }', {
      n: 'long '.repeat(10_000),
    })
    expect(answer.errors?.[0]?.message).toMatch(
      /^Variable "\$n" got invalid value "(long ){20}…"; Int cannot represent non-integer value: "(long ){20}…"$/,
    )
    expect(answer.errors?.[0]?.extensions).toEqual({ code: 'BAD_USER_INPUT' })
    expectClientError(answer)
  })

  test.each<[string, (key: string) => [query: string, variables?: Variables]]>([
    ['a variable', (key) => ['query ($n: Int) { reportRuns(first: $n) { totalCount } }', { n: key }]],
    ['an argument', (key) => [`{ reportRuns(first: "${key}") { totalCount } }`]],
    ['a field', (key) => [`{ ${key} }`]],
  ])('an error about %s contains no key', async (_what, operation) => {
    const { errors } = await ask(...operation(account.key))
    expect(errors).toHaveLength(1)
    expect(errors?.[0]?.message).toContain(`${account.key.slice(0, 33)}…`)
    expect(JSON.stringify(errors)).not.toContain(account.key)
  })

  test('an error that the caller can correct has a code', async () => {
    const answer = await ask('{ reportRuns(first: 0) { nodes { id } } }')
    expect(answer.errors).toMatchObject([{ path: ['reportRuns'], extensions: { code: 'BAD_USER_INPUT' } }])
    expectClientError(answer)
  })
})

test.each(['application/graphql-response+json', 'application/json', '*/*', 'text/event-stream'])(
  'accepting %s, a body that is not JSON is not quoted',
  async (accept) => {
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept },
      body: `${account.key} ${'x '.repeat(400_000)}`,
    })
    const text = await response.text()
    expect(response.status).toBe(400)
    expect(text).toContain('"extensions":{"code":"BAD_REQUEST"}')
    expect(text.length).toBeLessThan(1_000)
    expectNoInternals(text)
  },
)

test.each(['variables', 'extensions'])('%s of a GET request that are not JSON show no key', async (name) => {
  const parameters = new URLSearchParams({ query: '{ __typename }', [name]: account.key })
  const response = await fetch(`${gateway.url}/graphql?${parameters}`)
  expect(response.status).toBe(400)
  const { errors } = await response.json()
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_REQUEST' } }])
  expectNoInternals({ ...errors[0], message: errors[0].message.replace(/sk_test_…?/, '') })
})

test('a request without a key has status 200 when a part of it needs no key', async () => {
  const ask = async (query: string): Promise<[number, unknown]> => {
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    })
    return [response.status, await response.json()]
  }
  const errors = [{ extensions: { code: 'UNAUTHENTICATED' } }]
  const data = { __typename: 'Query', reportRun: null }
  expect(await ask('{ __typename reportRun(id: "x") { id } }')).toMatchObject([200, { data, errors }])
  expect(await ask('{ viewer { livemode } }')).toMatchObject([401, { errors }])
})

describe.each(transports.slice(1))('over %s', (_name, ask) => {
  test('an internal error at the start of a subscription is replaced by an ID', async () => {
    const run = await insertRun(gateway.prisma, account)
    const answer = await withoutTable('report_runs', () =>
      ask('subscription ($id: ID!) { reportRun(id: $id) { id } }', { id: run.id }),
    )
    expectMasked(answer.errors?.[0])
  })
})

describe.each(['subscribe', 'subscribeSse'] as const)('by %s', (method) => {
  test('an internal error during a subscription is replaced by an ID', async () => {
    const run = await insertRun(gateway.prisma, account)
    const states = account.client[method]<unknown>(
      'subscription ($id: ID!) { reportRun(id: $id) { status } }',
      { id: run.id },
    )
    expect((await states.next()).value).toMatchObject({ data: { reportRun: { status: 'PENDING' } } })
    const broken = await withoutTable('report_runs', async () => {
      await gateway.database.query(
        `insert into report_run_events (account_id, livemode, position, run_id, run_version, kind, to_status, occurred_at)
        select $1, false, coalesce(max(position), 0) + 1, $2, 2, 'PROGRESSED', 'PENDING', now() from report_run_events
        where account_id = $1`,
        [account.accountId, run.id],
      )
      await gateway.database.query("select pg_notify('report_gateway_events', $1)", [
        `${account.accountId}:test`,
      ])
      return await states.next().then(({ value }): Answer => value, errorsOf)
    })
    expectMasked(broken.errors?.[0])
    await states.return(undefined)
  })
})

test('an internal error while a WebSocket connects closes it with an ID', async () => {
  // A gateway keeps keys that it has verified.
  const { key } = await gateway.createAccount()
  const closing = await withoutTable('api_keys', async () => {
    const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/graphql`, ['graphql-transport-ws'])
    onTestFinished(() => socket.terminate())
    socket.on('open', () =>
      socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } })),
    )
    return await new Promise<{ code: number; reason: string }>((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }))
    })
  })
  expect(closing.code).toBe(4500)
  expect(closing.reason).toMatch(/^Internal error of the gateway\. Give the error ID .+ to support\.$/)
  const id = errorId.exec(closing.reason)?.[0]
  expect(gateway.logged).toContainEqual(expect.objectContaining({ errorId: id }))
})

test('an internal error while a key is verified is not an authentication error', async () => {
  const { client } = await gateway.createAccount()
  const answer = await withoutTable('api_keys', () => client.execute('{ viewer { livemode } }'))
  expect(answer.status).toBe(500)
  expect(answer.errors?.[0]?.extensions).toMatchObject({
    code: 'INTERNAL_SERVER_ERROR',
    errorId: expect.stringMatching(errorId),
  })
  expectNoInternals(answer)
})

test.each<[string, string | null, string]>([
  [
    'no key',
    null,
    'The request has no API key. Send the header Authorization: Bearer sk_…, or over WebSocket connectionParams: { "authorization": "Bearer sk_…" }.',
  ],
  ['an unknown key', 'Bearer sk_test_unknown', 'The API key is not valid'],
  ['another scheme', 'Digest sk_test_unknown', 'The Authorization header is not valid'],
])('a request with %s gets status 401 and a message with advice', async (_what, authorization, message) => {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
    body: JSON.stringify({ query: '{ viewer { livemode } }' }),
  })
  expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
  const { errors } = await response.json()
  expect(errors).toMatchObject([
    { message: expect.stringContaining(message), extensions: { code: 'UNAUTHENTICATED' } },
  ])
  expectNoInternals(errors)
})
