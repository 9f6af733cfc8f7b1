import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createApiKey, revokeApiKey } from '../../src/auth/api-keys.ts'
import { loadConfig } from '../../src/config/config.ts'
import { startTestGateway, startTwoGateways, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { createGraphqlClient } from '../support/graphql-client.ts'
import { runRow } from '../support/insert-run.ts'
import { listQuery } from '../support/run-list.ts'
import { anyFilter, anyOrder, runFields } from '../support/run-list-model.ts'

const execFileAsync = promisify(execFile)

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway()
  account = await gateway.createAccount()
})
afterAll(() => gateway[Symbol.asyncDispose]())

const query = '{ viewer { accountId livemode actor { id } } }'

type Answer = {
  status: number
  challenge: string | null
  body: {
    data?: { viewer: { accountId: string; livemode: boolean; actor: { id: string } } } | null
    errors?: { extensions: { code: string } }[]
  }
}

async function askHttp(authorization: string | null, text = query): Promise<Answer> {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(authorization !== null && { authorization }) },
    body: JSON.stringify({ query: text }),
  })
  // The shape is checked by what the tests expect of it.
  const body = (await response.json()) as Answer['body']
  return { status: response.status, challenge: response.headers.get('www-authenticate'), body }
}

/** Runs the query over a new WebSocket. Returns the result, or code and reason when the connection is refused. */
async function askSocket(connectionParams?: Record<string, unknown>): Promise<unknown> {
  const client = createClient({
    url: `${gateway.url.replace('http', 'ws')}/graphql`,
    retryAttempts: 0,
    ...(connectionParams && { connectionParams }),
  })
  try {
    for await (const answer of client.iterate({ query })) return answer
    throw new Error('The operation returned no result.')
  } catch (error) {
    if (!(error instanceof Error || Array.isArray(error))) {
      // graphql-ws throws the event that closed the socket.
      const { code, reason } = error as { code: number; reason: string }
      return { code, reason }
    }
    return { errors: error }
  } finally {
    await client.dispose()
  }
}

function basic(user: string): string {
  return `Basic ${Buffer.from(`${user}:`).toString('base64')}`
}

describe('a valid key', () => {
  test.each([
    ['Bearer', (key: string) => `Bearer ${key}`],
    ['bearer, in lower case', (key: string) => `bearer ${key}`],
    ['Basic', basic],
  ])('is accepted as %s, over HTTP and over WebSocket', async (_form, write) => {
    const viewer = { accountId: account.accountId, livemode: false, actor: { id: account.apiKeyId } }
    const authorization = write(account.key)
    expect(await askHttp(authorization)).toMatchObject({ status: 200, body: { data: { viewer } } })
    expect(await askSocket({ authorization })).toEqual({ data: { viewer } })
    expect(await askSocket({ Authorization: authorization })).toEqual({ data: { viewer } })
  })

  test('determines account and mode', async () => {
    const { key, accountId } = await gateway.createAccount({ livemode: true })
    const { body } = await askHttp(`Bearer ${key}`)
    expect(body.data?.viewer).toMatchObject({ accountId, livemode: true })
  })
})

async function makeKey(expiresAt: Date | null = null): Promise<{ id: string; secret: string }> {
  const { accountId } = account
  const { apiKey, secret } = await createApiKey(gateway.prisma, {
    accountId,
    livemode: false,
    name: 'Bad',
    expiresAt,
  })
  return { id: apiKey.id, secret }
}

const badKeys: Record<string, () => Promise<string> | string> = {
  revoked: async () => {
    const { id, secret } = await makeKey()
    await revokeApiKey(gateway.prisma, id)
    return `Bearer ${secret}`
  },
  expired: async () => `Bearer ${(await makeKey(new Date(Date.now() - 1))).secret}`,
  'with another secret': async () => `Bearer ${(await makeKey()).secret.slice(0, -52)}${'0'.repeat(52)}`,
  'with another id': async () =>
    `Bearer ${(await makeKey()).secret.replace(/^sk_test_.{25}/, `sk_test_${'0'.repeat(25)}`)}`,
  'with another mode': async () => `Bearer ${(await makeKey()).secret.replace('test', 'live')}`,
  'cut short': () => `Bearer ${account.key.slice(0, -1)}`,
  'with something after it': () => `Bearer ${account.key}x`,
  malformed: () => 'Bearer nonsense',
  missing: () => 'Bearer',
  'malformed, as Basic': () => basic('nonsense'),
  'of no known scheme': () => 'Digest nonsense',
  'of two words': () => `Bearer ${account.key} ${account.key}`,
}

describe.each(Object.keys(badKeys))('a key that is %s', (kind) => {
  test('is refused over HTTP with 401, even for operations that need no key', async () => {
    const authorization = (await badKeys[kind]?.()) ?? ''
    for (const text of [query, '{ __typename }']) {
      const { status, challenge, body } = await askHttp(authorization, text)
      expect(status).toBe(401)
      expect(challenge).toBe('Bearer')
      expect(body).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] })
      expect(body.data ?? null).toBeNull()
    }
  })

  test('closes the WebSocket with 4401', async () => {
    const authorization = (await badKeys[kind]?.()) ?? ''
    expect(await askSocket({ authorization })).toMatchObject({
      code: 4401,
      reason: expect.stringMatching(/^The (API key is not valid|Authorization header is not valid)/),
    })
  })
})

test('a WebSocket whose authorization is not a string is closed with 4401', async () => {
  expect(await askSocket({ authorization: { key: account.key } })).toMatchObject({ code: 4401 })
})

test('without a key the schema can be read, and every other operation is UNAUTHENTICATED', async () => {
  expect(await askHttp(null, '{ __schema { queryType { name } } }')).toMatchObject({ status: 200 })
  for (const authorization of [null, '']) {
    const { body } = await askHttp(authorization)
    expect(body.data ?? null).toBeNull()
    expect(body.errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }])
  }
  expect(await askSocket()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] })
  const anonymous = createGraphqlClient(gateway.url, null)
  const { data, errors } = await anonymous.execute(
    'mutation { cancelReportRun(input: { id: "x" }) { userErrors { code } } }',
  )
  expect(data ?? null).not.toHaveProperty('cancelReportRun.userErrors')
  expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }])
})

const cli = fileURLToPath(new URL('../../src/cli/cli.ts', import.meta.url))

type Output = { code: number; stdout: string; stderr: string }

async function keys(...args: string[]): Promise<Output> {
  const { PATH, NODE_COMPILE_CACHE } = process.env
  const run = execFileAsync(process.execPath, [cli, 'keys', ...args], {
    env: { PATH, NODE_COMPILE_CACHE, DATABASE_URL: gateway.database.url, DATA_DIR: gateway.dataDir },
  })
  // execFile rejects when the command fails. The error has the output.
  return run.then(
    (output) => ({ code: 0, ...output }),
    (error: Output) => error,
  )
}

describe('npm run keys', () => {
  test('creates a key that works, lists it without its secret, and revokes it', async () => {
    const created = await keys(
      'create',
      '--account',
      account.accountId,
      '--live',
      '--name',
      'For the books',
      '--expires',
      'P30D',
    )
    expect(created).toMatchObject({ code: 0, stderr: '' })
    const [secret = ''] = /sk_live_\w+/.exec(created.stdout) ?? []
    const [id = ''] = /key_\w+/.exec(created.stdout) ?? []
    const viewer = { accountId: account.accountId, livemode: true, actor: { id } }
    expect((await askHttp(`Bearer ${secret}`)).body).toEqual({ data: { viewer } })
    const { expiresAt } = await gateway.prisma.apiKey.findUniqueOrThrow({ where: { id } })
    expect(Math.round(((expiresAt?.getTime() ?? 0) - Date.now()) / 86_400_000)).toBe(30)

    const { stdout: listed } = await keys('list', '--account', account.accountId)
    const lines = listed.trim().split('\n')
    expect(lines).toHaveLength(await gateway.prisma.apiKey.count({ where: { accountId: account.accountId } }))
    expect(lines.find((line) => line.startsWith(id))).toMatch(
      new RegExp(`${account.accountId}  live  …${secret.slice(-4)}  not revoked  expires .*  For the books`),
    )
    expect(listed).not.toContain(secret.slice('sk_live_'.length, -4))
    expect(listed).not.toContain(account.key)

    expect(await keys('revoke', id)).toMatchObject({ code: 0, stdout: expect.stringContaining(id) })
    expect((await askHttp(`Bearer ${secret}`)).status).toBe(401)
    expect((await keys('list')).stdout).toMatch(new RegExp(`${id}.*revoked 20`))
  })

  test.each([
    [['revoke', 'key_unknown'], /API key key_unknown does not exist/],
    [['revoke'], /No key id is given/],
    [['create', '--account', 'acct_unknown'], /Account acct_unknown does not exist/],
    [['create', '--expires', 'soon'], /soon is not a positive ISO 8601 duration/],
    [['create', '--expires', 'PT0S'], /Give one such as P30D or P1Y/],
    [
      ['create', '--expires', 'P9000Y'],
      /P9000Y is not a positive ISO 8601 duration that ends by the year 9999/,
    ],
    [['destroy'], /keys -- create/],
  ])('rejects %j with a message and no stack trace', async (args, sentence) => {
    if (args[1] === '--expires') args = [...args, '--account', account.accountId]
    const { code, stdout, stderr } = await keys(...args)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(sentence)
    expect(stderr).not.toMatch(/^\s+at /m)
  })

  test('requires --account when there are several accounts', async () => {
    await gateway.createAccount()
    expect(await keys('create')).toMatchObject({ code: 1, stderr: expect.stringContaining('--account') })
  })
})

test('no secret is stored in the database or written to the log, even after errors', async () => {
  const { key, client } = await gateway.createAccount()
  // An internal error while the key is in use, a refused key, and an invalid operation.
  await gateway.database.query('alter table report_runs rename to hidden')
  const faulty = await client.execute('{ reportRuns { totalCount } }')
  await gateway.database.query('alter table hidden rename to report_runs')
  expect(faulty.errors).toMatchObject([{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }])
  const wrong = `${key.slice(0, -10)}0123456789`
  await askHttp(`Bearer ${wrong}`)
  await askSocket({ authorization: `Bearer ${wrong}` })
  await askHttp(`Bearer ${key}`, '{ nonsense }')

  const secrets = [key, wrong, account.key].flatMap((text) => [text, text.slice(-52), text.slice(-30, -5)])
  const logged = JSON.stringify(gateway.logged)
  expect(logged).toContain('report_runs')
  expect(secrets.filter((secret) => logged.includes(secret))).toEqual([])

  const tables = await gateway.database.query<{ name: string }>(`
    select format('%I.%I', table_schema, table_name) as name from information_schema.tables
    where table_schema in ('report_gateway', 'report_gateway_queue') and table_type = 'BASE TABLE'`)
  const dumps = await Promise.all(
    tables.map(({ name }) =>
      gateway.database.query<{ text: string }>(`select t::text as text from ${name} t`),
    ),
  )
  const everything = dumps
    .flat()
    .map(({ text }) => text)
    .join('\n')
  expect(everything).toContain(account.apiKeyId)
  const asHex = secrets.map((secret) => Buffer.from(secret).toString('hex'))
  expect([...secrets, ...asHex].filter((secret) => everything.includes(secret))).toEqual([])
})

test('a key that is revoked by one process is refused by every gateway at once', async () => {
  await using gateways = await startTwoGateways({})
  let accepted = 0
  for (let round = 0; round < 5; round++) {
    const { key, apiKeyId } = await gateways.first.createAccount()
    const statusAt = async ({ url }: TestGateway): Promise<number> => {
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ query }),
      })
      await response.text()
      return response.status
    }
    expect([await statusAt(gateways.first), await statusAt(gateways.second)]).toEqual([200, 200])
    await revokeApiKey(gateways.first.prisma, apiKeyId)
    for (const gateway of [gateways.first, gateways.second])
      while ((await statusAt(gateway)) !== 401) accepted++
  }
  // A notification takes about as long as a request. Without it, hundreds of requests would be accepted.
  expect(accepted).toBeLessThan(50)
})

test('answers are byte-equal whether gateways keep keys or not', async () => {
  const config = { role: 'gateway', shortcuts: { ...loadConfig({}).shortcuts, keyCache: false } } as const
  const { database, dataDir } = gateway
  await using plain = await startTestGateway({ config, database, dataDir })
  const runs = fc.sample(runFields, { numRuns: 20, seed: 7 })
  await gateway.prisma.reportRun.createMany({ data: runs.map((fields) => runRow(account, fields)) })
  const keys = [`Bearer ${account.key}`, basic(account.key), null]
  for (const kind of Object.keys(badKeys)) keys.push((await badKeys[kind]?.()) ?? '')
  const asked = fc.record({
    authorization: fc.constantFrom(...keys, `Bearer ${account.key}`),
    filter: anyFilter,
    orderBy: anyOrder,
    first: fc.integer({ min: -1, max: 30 }),
  })
  const statuses = new Set<number>()
  const check = async ({
    authorization,
    ...variables
  }: typeof asked extends fc.Arbitrary<infer T> ? T : never) => {
    const ask = async ({ url }: TestGateway): Promise<[number, string]> => {
      const headers = { 'content-type': 'application/json', ...(authorization !== null && { authorization }) }
      const body = JSON.stringify({ query: listQuery, variables })
      const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body })
      statuses.add(response.status)
      return [response.status, await response.text()]
    }
    expect(await ask(gateway)).toEqual(await ask(plain))
  }
  await fc.assert(fc.asyncProperty(asked, check), { numRuns: 100 })
  expect([...statuses].sort()).toEqual([200, 401])
})
