import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { createApiKey } from '../../src/auth/api-keys.ts'
import { demoAccountId } from '../../src/demo/demo.ts'
import { idPrefixes, newId } from '../../src/ids.ts'
import { createPool, createPrisma } from '../../src/postgres/client.ts'
import { withoutSecrets } from '../../src/secrets.ts'
import { createTestDatabase } from '../support/database.ts'
import { startTestGateway } from '../support/gateway.ts'
import { spawnGateway } from '../support/gateway-process.ts'
import { createGraphqlClient } from '../support/graphql-client.ts'
import { createDocument, slowInput } from '../support/run-mutations.ts'
import { endOf, slowReport } from '../support/slow-report.ts'

test('each request is one line at info, with its id and account and without the query string', async () => {
  await using gateway = await startTestGateway()
  const { key, accountId } = await gateway.createAccount()
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const name = 'Dashboard'.repeat(20)
  const body = JSON.stringify({ query: `query ${name} { viewer { accountId } }` })
  const ask = (path: string, id: string) =>
    fetch(gateway.url + path, { method: 'POST', headers: { ...headers, 'x-request-id': id }, body })
  const lineOf = (id: string | null) => gateway.logged.filter(({ requestId }) => requestId === id)

  const response = await ask('/graphql?secret=1', 'order-66/a:b')
  expect(response.headers.get('x-request-id')).toBe('order-66/a:b')
  await vi.waitFor(() => expect(lineOf('order-66/a:b')).toHaveLength(1))
  expect(lineOf('order-66/a:b')[0]).toMatchObject({
    level: 30,
    msg: 'request',
    method: 'POST',
    path: '/graphql',
    status: 200,
    ms: expect.any(Number),
    accountId,
    livemode: false,
    operation: `query ${name.slice(0, 100)}`,
  })
  expect(JSON.stringify(gateway.logged)).not.toContain('viewer {')

  for (const id of ['two words', 'x'.repeat(129), '"quoted"']) {
    const given = (await ask('/graphql', id)).headers.get('x-request-id')
    expect(given).toMatch(/^[0-9a-f-]{36}$/)
    await vi.waitFor(() => expect(lineOf(given)).toHaveLength(1))
  }
  expect(JSON.stringify(gateway.logged)).not.toContain('secret=1')
})

test('each operation over a WebSocket is one line at info, with its name', async () => {
  await using gateway = await startTestGateway({ config: { role: 'gateway' } })
  const { client, accountId } = await gateway.createAccount()
  const id = newId(idPrefixes.reportRun, new Date())
  await client
    .subscribe(`subscription Watch { reportRun(id: "${id}") { id } }`)
    .next()
    .catch(() => {})
  const lines = gateway.logged.filter(({ msg }) => msg === 'operation')
  expect(lines).toEqual([
    expect.objectContaining({
      level: 30,
      operation: 'subscription Watch',
      accountId,
      requestId: expect.any(String),
    }),
  ])
})

test('a requested run is one line at info that links it to the request', async () => {
  await using gateway = await startTestGateway({ config: { role: 'gateway' }, reportTypes: [slowReport] })
  const { key, accountId } = await gateway.createAccount()
  const ask = async (requestId: string): Promise<void> => {
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        'x-request-id': requestId,
        traceparent: `00-${'7'.repeat(32)}-${'1'.repeat(16)}-01`,
      },
      body: JSON.stringify({
        query: createDocument,
        variables: { input: slowInput({ idempotencyKey: 'once' }) },
      }),
    })
    expect(response.status).toBe(200)
  }
  await ask('first')
  await ask('second')
  const { id: runId } = await gateway.prisma.reportRun.findFirstOrThrow({ where: { accountId } })
  const asked = { level: 30, runId, accountId, livemode: false, reportType: slowReport.name }
  const traceId = '7'.repeat(32)
  expect(gateway.logged.filter((line) => line.runId !== undefined)).toEqual([
    expect.objectContaining({ ...asked, traceId, requestId: 'first', wasReused: false }),
    expect.objectContaining({ ...asked, traceId, requestId: 'second', wasReused: true }),
  ])
})

test('a client that disconnects within its body is logged as such, and not as an outage of the database', async () => {
  await using gateway = await startTestGateway({ config: { role: 'gateway' } })
  const { hostname, port } = new URL(gateway.url)
  const socket = connect(Number(port), hostname)
  const head =
    'Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\nX-Request-Id: cut-off'
  socket.write(`POST /graphql HTTP/1.1\r\n${head}\r\nExpect: 100-continue\r\n\r\n{"query":`)
  await once(socket, 'data')
  socket.destroy()
  const lines = () => gateway.logged.filter(({ requestId }) => requestId === 'cut-off')
  await vi.waitFor(() => expect(lines()).not.toHaveLength(0))
  expect(lines()).toMatchObject([{ msg: 'request', path: '/graphql', isCutOff: true }])
})

test('an internal error is logged with its request and account, over HTTP and WebSocket', async () => {
  await using gateway = await startTestGateway()
  const { client, accountId } = await gateway.createAccount()
  await gateway.database.query('alter table report_gateway.report_runs rename to elsewhere')
  const failed = await client.execute('{ reportRuns { totalCount } }')
  const subscription = await client
    .subscribe(`subscription { reportRun(id: "${newId(idPrefixes.reportRun, new Date())}") { id } }`)
    .next()
    .catch((error: unknown) => ({ value: error }))
  expect(failed.errors?.[0]?.extensions?.code).toBe('INTERNAL_SERVER_ERROR')
  expect(JSON.stringify(subscription.value)).toContain('INTERNAL_SERVER_ERROR')
  const faults = gateway.logged.filter(({ errorId }) => errorId !== undefined)
  expect(faults.length).toBeGreaterThanOrEqual(2)
  for (const fault of faults) {
    expect(fault).toMatchObject({ accountId, livemode: false, requestId: expect.any(String) })
  }
  expect(faults[0]?.errorId).toBe(failed.errors?.[0]?.extensions?.errorId)
})

/** Opens a socket, sends the messages, and returns all that was received until it closed. */
function talk(url: string, messages: object[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
    let received = ''
    socket.on('error', () => {})
    socket.on('open', () => {
      for (const message of messages) socket.send(JSON.stringify(message))
    })
    socket.on('message', (data) => {
      received += data
      // The last message is answered last, by an error or a result.
      if (/"type":"(error|complete)"/.test(received)) socket.close()
    })
    socket.on('close', (code, reason) => resolve(`${received} ${code} ${reason}`))
  })
}

test('no key, password or signature appears in the log or an error, wherever a client puts it and whatever fails', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'report-gateway-logs-'))
  await using _folder = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
  await using database = await createTestDatabase(true)
  const pool = createPool({ url: database.url, max: 1, applicationName: 'test', onError: () => {} })
  await using _pool = { [Symbol.asyncDispose]: () => pool.end() }
  const prisma = createPrisma(pool)
  const { secret: key } = await createApiKey(prisma, {
    accountId: demoAccountId,
    livemode: false,
    name: 'Test',
  })
  await using gateway = spawnGateway({ DATABASE_URL: database.url, DATA_DIR: folder, LOG_LEVEL: 'trace' })
  const url = await gateway.ready()

  const basic = Buffer.from(`${key}:`).toString('base64')
  const wrong = `${key.slice(0, -1)}!`
  const answers: string[] = []
  const ask = async (authorization: string, path: string, body: unknown): Promise<void> => {
    const headers = { authorization, 'content-type': 'application/json', 'x-request-id': key }
    const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
    answers.push(await response.text())
  }
  const everything = async (): Promise<void> => {
    const query = '{ viewer { accountId } reportRuns { totalCount } }'
    for (const authorization of [
      `Bearer ${key}`,
      `Basic ${basic}`,
      `Token ${key}`,
      key,
      `Bearer ${wrong}`,
      `Bearer ${key} ${key}`,
    ]) {
      await ask(authorization, '/graphql', { query })
    }
    const good = `Bearer ${key}`
    await ask(good, `/graphql?key=${key}`, { query: `{ ${key} }` })
    await ask(good, '/graphql', { query: `{ viewer(key: "${key}") { accountId }` })
    await ask(good, '/graphql', { query: `{ node(id: "${key}") { id } }` })
    await ask(good, '/graphql', {
      query: `query ($${key}: Int!) { viewer { accountId } }`,
      variables: { [key]: key },
    })
    await ask(good, '/graphql', {
      query: 'query ($id: Int!) { node(id: $id) { id } }',
      variables: { id: key },
    })
    await ask(good, '/graphql', {
      query: 'query ($n: Int!) { reportRuns(first: $n) { totalCount } }',
      variables: { n: key },
    })
    await ask(good, '/graphql', { query, operationName: key })
    await ask(good, '/graphql', key)
    await ask(good, `/${key}`, {})
    await ask(good, `/files/${key}?signature=${key}`, {})
    for (const payload of [
      { authorization: key },
      { authorization: `Bearer ${wrong}` },
      { Authorization: [key] },
      { [key]: key },
      { authorization: good },
    ]) {
      const id = '1'
      const subscribe = {
        id,
        type: 'subscribe',
        payload: {
          query: `{ ${key} viewer { accountId } }`,
          extensions: { headers: { authorization: key } },
        },
      }
      answers.push(await talk(url, [{ type: 'connection_init', payload }, subscribe]))
    }
    answers.push(await talk(url, [{ type: key }]))
  }

  await everything()
  const client = createGraphqlClient(url, key)
  const { createReportRun } = await client.request<{ createReportRun: { reportRun: { id: string } | null } }>(
    'mutation { createReportRun(input: { report: { balanceSummary1: { interval: { between: { start: "2026-09-01T00:00:00Z", end: "2026-10-01T00:00:00Z" } } } } }) { reportRun { id } userErrors { message } } }',
  )
  const run = await endOf(client, createReportRun.reportRun?.id ?? '')
  const links = (run.result?.files ?? []).map(({ download }) => download.url)
  expect(links).toHaveLength(1)
  for (const link of links) {
    expect((await fetch(link)).status).toBe(200)
    answers.push(await (await fetch(`${link}x`)).text())
  }

  // Now the database fails in several ways.
  await database.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'report-gateway%'",
  )
  await everything()
  await database.query('alter table report_gateway.report_runs rename to elsewhere')
  await everything()
  await database.query('alter table report_gateway.api_keys rename to elsewhere_too')
  await everything()

  const output = gateway.output()
  expect(output).toContain('"errorId"')
  expect(output.split('\n').filter((line) => line.includes('"msg":"request"')).length).toBeGreaterThan(60)
  const signatures = links.map((link) => new URL(link).searchParams.get('signature') ?? '')
  const secrets = [
    key.slice(-52),
    key.slice(-52, -10),
    key.slice(-40),
    basic,
    new URL(database.url).password,
    ...signatures,
  ]
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(8)
    for (const line of output.split('\n')) expect(line).not.toContain(secret)
    for (const text of answers) expect(text).not.toContain(secret)
  }
}, 60_000)

test('secrets are removed from texts, and nothing else is', () => {
  const id = 'a'.repeat(25)
  const secret = 'z'.repeat(52)
  expect(withoutSecrets(`Bearer sk_test_${id}${secret}, again`)).toBe(`Bearer sk_test_${id}…, again`)
  expect(withoutSecrets(`sk_live_${secret}`)).not.toContain('zzzzz'.repeat(6))
  expect(withoutSecrets('Basic c2tfdGVzdF9hYmNkZWZnaDo=')).toBe('Basic …')
  expect(withoutSecrets('/files/file_1?expires=1&signature=ab-c_D')).toBe(
    '/files/file_1?expires=1&signature=…',
  )
  expect(withoutSecrets('postgres://me:hunter2@db/x')).toBe('postgres://me:…@db/x')
  const plain = '{"runId":"frr_0123456789abcdefghijklmno","accountId":"acct_demo","path":"/graphql"}'
  expect(withoutSecrets(plain)).toBe(plain)
})
