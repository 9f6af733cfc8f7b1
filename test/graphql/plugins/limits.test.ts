import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'

const limits = { depth: 15, aliases: 30, directives: 20, tokens: 2_000, cost: 20_000 }

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway({ config: { documents: limits } })
  account = await gateway.createAccount()
})
afterAll(() => gateway[Symbol.asyncDispose]())

function repeat(count: number, part: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => part(index)).join(' ')
}

/** Fragments that each use the next one twice. */
function bomb(length: number, last: string): string {
  return repeat(length, (i) =>
    i + 1 < length
      ? `fragment F${i} on Query { ...F${i + 1} ... on Node { id } ... { x: __typename } ...G${i} } fragment G${i} on Query { ...F${i + 1} }`
      : `fragment F${i} on Query { ${last} }`,
  )
}

function tooLarge(limit: string, maximum: number) {
  return {
    message: expect.stringMatching(new RegExp(`^The document .*; at most ${maximum}\\b.* allowed\\. .+\\.$`)),
    extensions: { code: 'REQUEST_TOO_LARGE', limit, maximum },
  }
}

describe('a document is rejected with one error', () => {
  test.each([
    ['5,000 levels', 'tokens', 2_000, '{a'.repeat(5_000) + '}'.repeat(5_000)],
    ['16 levels', 'depth', 15, '{a'.repeat(16) + '}'.repeat(16)],
    [
      '16 levels, some of them in fragments',
      'depth',
      15,
      `{a{a{...F}}} fragment F on X ${'{a'.repeat(14)}${'}'.repeat(14)}`,
    ],
    ['20,000 aliases', 'characters', 100_000, `{${repeat(20_000, (i) => `a${i}: __typename`)}}`],
    ['31 aliases', 'aliases', 30, `{${repeat(31, (i) => `a${i}: __typename`)}}`],
    ['a field 500 times', 'aliases', 30, `{${'__typename '.repeat(500)}}`],
    ['10,000 directives', 'tokens', 2_000, `{__typename ${'@aa'.repeat(10_000)}}`],
    ['21 directives', 'directives', 20, `{__typename ${'@aa'.repeat(21)}}`],
    ['a mebibyte of braces', 'characters', 100_000, '{'.repeat(1_000_000)],
    ['a long comment', 'characters', 100_000, `#${'x'.repeat(100_000)}\n{__typename}`],
    [
      'pages beside one another',
      'cost',
      20_000,
      `{${repeat(15, (i) => `a${i}: reportRuns(first: 100) { nodes { ${repeat(14, (j) => `f${j}`)} } }`)}}`,
    ],
    ['fragments that double thirty times', 'cost', 20_000, `{...F0} ${bomb(20, 'reportRuns {nodes {id}}')}`],
  ])('with %s', async (_what, limit, maximum, query) => {
    const { status, data, errors } = await account.client.execute(query)
    expect({ status, data, errors }).toMatchObject({
      status: 400,
      data: undefined,
      errors: [tooLarge(limit, maximum)],
    })
    expect(await account.client.request('{ viewer { livemode } }')).toEqual({ viewer: { livemode: false } })
  })

  test('with nested lists, whether they exhaust the tokens or the stack first', async () => {
    const answer = await account.client.execute(`{a(b:${'['.repeat(5_000)}`)
    expect(answer).toMatchObject({ status: 400, errors: [{ extensions: { code: 'REQUEST_TOO_LARGE' } }] })
    expect(answer.errors).toHaveLength(1)
  })

  test('before it is validated', async () => {
    const { errors } = await account.client.execute(`{${'nonsense '.repeat(500)}}`)
    expect(errors).toMatchObject([tooLarge('aliases', 30)])
  })

  test('that has the code, the limit and the sizes in its extensions', async () => {
    const { errors } = await account.client.execute(`{__typename ${'@aa'.repeat(21)}}`)
    expect(errors).toEqual([
      {
        message:
          'The document has 21 directives; at most 20 are allowed. Remove unneeded fields instead of skipping them.',
        extensions: { code: 'REQUEST_TOO_LARGE', limit: 'directives', maximum: 20, actual: 21 },
      },
    ])
  })
})

test('a fragment that contains itself is rejected', async () => {
  const { status, errors } = await account.client.execute(
    '{...A} fragment A on Query {__typename ...B} fragment B on Query {...A}',
  )
  expect([status, errors?.length, errors?.[0]?.message]).toEqual([
    200,
    1,
    'Cannot spread fragment "A" within itself via "B".',
  ])
})

test('a rejected document is not executed', async () => {
  const { errors } = await account.client.execute(
    `mutation { createReportRun(input: {report: {byName: {name: "balance.summary.1", parameters: {}}}}) { ${repeat(31, (i) => `a${i}: __typename`)} } }`,
  )
  expect(errors).toMatchObject([tooLarge('aliases', 30)])
  expect(await gateway.prisma.reportRun.count({ where: { accountId: account.accountId } })).toBe(0)
})

describe('the values of variables count', () => {
  const query =
    'query ($n: Int) { reportRuns(first: $n) { nodes { id retries(first: $n) { nodes { id } } } } }'

  test('also for a document that was accepted before', async () => {
    const statuses = []
    for (const n of [10, 500, 20, 500]) statuses.push((await account.client.execute(query, { n })).status)
    expect(statuses).toEqual([200, 400, 200, 400])
  })

  const events = async (url: string, init: RequestInit): Promise<string> => {
    const response = await fetch(url, init)
    return `${response.headers.get('content-type')} ${await response.text()}`
  }

  const headers = (): Record<string, string> => ({
    authorization: `Bearer ${account.key}`,
    'content-type': 'application/json',
  })

  const overSocket = async (n: number): Promise<unknown> => {
    try {
      return await Array.fromAsync(account.client.subscribe(query, { n }))
    } catch (errors) {
      return errors
    }
  }

  test('over a WebSocket', async () => {
    expect(await overSocket(5)).toEqual([{ data: { reportRuns: { nodes: [] } } }])
    expect(await overSocket(500)).toEqual([
      {
        message: expect.stringContaining('fields'),
        extensions: { code: 'REQUEST_TOO_LARGE', limit: 'cost', maximum: 20_000, actual: expect.any(Number) },
      },
    ])
    expect(await overSocket(5)).toEqual([{ data: { reportRuns: { nodes: [] } } }])
  })

  test('over SSE', async () => {
    const ask = (n: number) =>
      events(`${gateway.url}/graphql`, {
        method: 'POST',
        headers: { ...headers(), accept: 'text/event-stream' },
        body: JSON.stringify({ query, variables: { n } }),
      })
    expect(await ask(5)).toContain('{"reportRuns":{"nodes":[]}}')
    const refused = await ask(500)
    expect(refused).toContain('REQUEST_TOO_LARGE')
    expect(refused).not.toContain('"data":{')
  })

  test('by GET', async () => {
    const ask = (n: number) => {
      const parameters = new URLSearchParams({ query, variables: JSON.stringify({ n }) })
      return events(`${gateway.url}/graphql?${parameters}`, { headers: headers() })
    }
    expect(await ask(5)).toContain('{"reportRuns":{"nodes":[]}}')
    expect(await ask(500)).toContain('REQUEST_TOO_LARGE')
  })
})

test('the limits over a WebSocket are the same as over HTTP', async () => {
  const { client } = account
  for (const query of [
    `{${'__typename '.repeat(500)}}`,
    '{a'.repeat(5_000),
    '{a'.repeat(16) + '}'.repeat(16),
  ]) {
    const answer = Array.fromAsync(client.subscribe(query))
    await expect(answer).rejects.toMatchObject([{ extensions: { code: 'REQUEST_TOO_LARGE' } }])
  }
})

test('introspection cannot be nested in circles', async () => {
  const around = (levels: number): string =>
    levels === 0 ? 'name' : `fields { type { ${around(levels - 1)} } }`
  expect(await account.client.execute(`{ __schema { types { ${around(6)} } } }`)).toMatchObject({
    status: 400,
    errors: [tooLarge('cost', 20_000)],
  })
})
