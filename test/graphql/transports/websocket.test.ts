import { once } from 'node:events'
import { type ClientRequest, get } from 'node:http'
import { CloseCode, createClient, GRAPHQL_TRANSPORT_WS_PROTOCOL, MessageType } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { closeReason } from '../../../src/graphql/transports/close-socket.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import { insertRun } from '../../support/insert-run.ts'
import { noteStatements } from '../../support/sent-statements.ts'
import { type Message, openWire, type Wire } from '../../support/wire.ts'

let gateway: TestGateway
let account: TestAccount
const warnings: Error[] = []
function noteWarning(warning: Error): void {
  void warnings.push(warning)
}
beforeAll(async () => {
  process.on('warning', noteWarning)
  gateway = await startTestGateway()
  account = await gateway.createAccount()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  process.off('warning', noteWarning)
})

function open(protocols?: string[]): Promise<Wire> {
  return openWire(gateway.url, protocols)
}

async function connect({ key }: TestAccount = account): Promise<Wire> {
  const wire = await open()
  wire.send({ type: MessageType.ConnectionInit, payload: { authorization: `Bearer ${key}` } })
  expect(await wire.receive()).toEqual({ type: MessageType.ConnectionAck })
  return wire
}

function subscribe(wire: Wire, id: string, runId: string): void {
  wire.send({
    id,
    type: MessageType.Subscribe,
    payload: { query: 'subscription ($id: ID!) { reportRun(id: $id) { status } }', variables: { id: runId } },
  })
}

describe('a socket is closed', () => {
  test('with 4406 when it does not speak graphql-transport-ws', async () => {
    const { closed } = await open([])
    expect(await closed).toEqual({
      code: CloseCode.SubprotocolNotAcceptable,
      reason: 'Subprotocol not acceptable',
    })
  })

  test('with 4401 when its key is not valid', async () => {
    const { closed, send } = await open()
    send({
      type: MessageType.ConnectionInit,
      payload: { authorization: `Bearer ${account.key.slice(0, -1)}` },
    })
    expect(await closed).toEqual({
      code: CloseCode.Unauthorized,
      reason: 'The API key is not valid: it is unknown, revoked or expired.',
    })
  })

  test.each(['Digest abc', 'Bearer', 'sk_test_1'])(
    'with 4401 when its authorization is %j',
    async (authorization) => {
      const { closed, send } = await open()
      send({ type: MessageType.ConnectionInit, payload: { authorization } })
      expect(await closed).toEqual({
        code: CloseCode.Unauthorized,
        reason: expect.stringMatching(/^The Authorization header is not valid\. Send "Bearer"/),
      })
    },
  )

  test.each([
    [
      'a key',
      `sk_test_${'a'.repeat(40)}`,
      'Subscriber for sk_test_aaaaaaaaaaaaaaaaaaaaaaaaa… already exists',
    ],
    ['long in bytes', '€'.repeat(90), `Subscriber for ${'€'.repeat(34)}…`],
  ])('with 4409 and a valid reason when it uses an ID twice that is %s', async (_what, id, reason) => {
    const run = await insertRun(gateway.prisma, account)
    const wire = await connect()
    subscribe(wire, id, run.id)
    subscribe(wire, id, run.id)
    expect(await wire.closed).toEqual({ code: CloseCode.SubscriberAlreadyExists, reason })
  })

  test('with 4408 when it does not send connection_init', async () => {
    const { closed } = await open()
    expect(await closed).toEqual({
      code: CloseCode.ConnectionInitialisationTimeout,
      reason: 'Connection initialisation timeout',
    })
  })

  test('with 4401 when it sends an operation before connection_init', async () => {
    const wire = await open()
    subscribe(wire, '1', 'frr_x')
    expect(await wire.closed).toEqual({
      code: CloseCode.Unauthorized,
      reason: 'Send connection_init, and wait for connection_ack before the first operation.',
    })
  })

  test.each([
    ['connection_ack', {}],
    ['next', { id: '1', payload: { data: null } }],
    ['error', { id: '1', payload: [{ message: 'x' }] }],
  ])('with 4400 when it sends the message %s of a server', async (type, rest) => {
    const wire = await connect()
    wire.send({ type, ...rest })
    expect(await wire.closed).toEqual({
      code: CloseCode.BadRequest,
      reason: 'A client does not send messages of this type.',
    })
  })

  test('with 4429 when it sends connection_init twice', async () => {
    const wire = await connect()
    wire.send({ type: MessageType.ConnectionInit })
    expect(await wire.closed).toMatchObject({ code: CloseCode.TooManyInitialisationRequests })
  })

  test('with 4409 when it uses an ID twice', async () => {
    const { id } = await insertRun(gateway.prisma, account)
    const wire = await connect()
    subscribe(wire, '1', id)
    subscribe(wire, '1', id)
    expect(await wire.closed).toMatchObject({ code: CloseCode.SubscriberAlreadyExists })
  })

  test.each(['{"type"', 'null', '[]', '{"type":"no_such_type"}', '{"type":"subscribe","id":1}', ''])(
    'with 4400 when it sends %j',
    async (text) => {
      const { socket, closed } = await connect()
      socket.send(text)
      expect(await closed).toEqual({ code: CloseCode.BadRequest, reason: 'Invalid message received' })
    },
  )

  test('with 1009 when its message is too long; other sockets stay open', async () => {
    const [greedy, modest] = [await connect(), await connect()]
    greedy.socket.send('x'.repeat(64 * 1024 + 1))
    expect(await greedy.closed).toMatchObject({ code: 1009 })
    modest.send({ id: '1', type: MessageType.Subscribe, payload: { query: '{ __typename }' } })
    expect(await modest.receive()).toMatchObject({
      type: MessageType.Next,
      payload: { data: { __typename: 'Query' } },
    })
  })
})

test.each(['x'.repeat(200), 'é'.repeat(200), `${'x'.repeat(118)}€€`])(
  'a reason that is too long for a close frame is truncated to valid text: %s',
  (reason) => {
    const cut = closeReason(reason)
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(123)
    expect(cut).toMatch(/^(x{118,}|é{59})…$/)
    expect(closeReason('Going away')).toBe('Going away')
  },
)

test('a message of 64 KiB is accepted', async () => {
  const wire = await connect()
  const message = {
    id: '1',
    type: MessageType.Subscribe,
    payload: { query: '{ __typename }', extensions: { pad: '' } },
  }
  message.payload.extensions.pad = 'x'.repeat(64 * 1024 - JSON.stringify(message).length)
  wire.send(message)
  expect(await wire.receive()).toMatchObject({ type: MessageType.Next })
})

test('one socket carries queries, mutations and many subscriptions', async () => {
  const wire = await connect()
  const { id } = await insertRun(gateway.prisma, account)
  for (let i = 0; i < 20; i++) subscribe(wire, `s${i}`, id)
  for (let i = 0; i < 20; i++)
    expect(await wire.receive()).toMatchObject({ payload: { data: { reportRun: { status: 'PENDING' } } } })
  wire.send({
    id: 'm',
    type: MessageType.Subscribe,
    payload: { query: `mutation { cancelReportRun(input: { id: "${id}" }) { reportRun { status } } }` },
  })
  const received: Message[] = []
  while (received.filter(({ type }) => type === MessageType.Complete).length < 21)
    received.push(await wire.receive())
  const ends = received.filter(({ type, id: operation }) => type === MessageType.Next && operation !== 'm')
  expect(ends).toHaveLength(20)
  for (const { payload } of ends) expect(payload).toEqual({ data: { reportRun: { status: 'CANCELED' } } })
})

describe('a key is taken', () => {
  const read = async (
    payload: object | undefined,
    headers: Record<string, string> = {},
  ): Promise<unknown> => {
    const wire = await openWire(gateway.url, undefined, headers)
    wire.send({ type: MessageType.ConnectionInit, ...(payload && { payload }) })
    const answer = await Promise.race([wire.receive(), wire.closed])
    if (!('type' in answer)) return answer
    wire.send({ id: '1', type: MessageType.Subscribe, payload: { query: '{ viewer { accountId } }' } })
    return (await wire.receive()).payload
  }
  const served = (): unknown => ({ data: { viewer: { accountId: account.accountId } } })
  const bearer = (): string => `Bearer ${account.key}`
  const basic = (): string => `Basic ${Buffer.from(`${account.key}:`).toString('base64')}`

  test.each<[string, () => object | undefined, (() => Record<string, string>)?]>([
    ['connectionParams.Authorization', () => ({ Authorization: bearer() })],
    ['connectionParams.headers.Authorization', () => ({ headers: { Authorization: bearer() } })],
    ['connectionParams.headers.authorization', () => ({ headers: { authorization: basic() } })],
    ['the upgrade request', () => undefined, () => ({ Authorization: bearer() })],
    ['the upgrade request, as Basic', () => ({}), () => ({ authorization: basic() })],
    [
      'several places that have the same',
      () => ({ authorization: bearer(), headers: { Authorization: basic() } }),
    ],
    [
      'connectionParams before the upgrade request of a proxy',
      () => ({ authorization: bearer() }),
      () => ({ authorization: 'Digest x' }),
    ],
  ])('from %s', async (_where, payload, headers = () => ({})) => {
    expect(await read(payload(), headers())).toEqual(served())
  })

  test('from no place that has two of them', async () => {
    const other = await gateway.createAccount()
    const headers = { Authorization: `Bearer ${other.key}` }
    expect(await read({ authorization: bearer(), headers })).toEqual({
      code: CloseCode.Unauthorized,
      reason: 'connectionParams contains different API keys. Send one of them.',
    })
  })

  test('not from a wrong header of the upgrade request', async () => {
    expect(await read(undefined, { authorization: 'Bearer sk_test_wrong' })).toMatchObject({
      code: CloseCode.Unauthorized,
    })
  })

  test('not from the URL', async () => {
    const socket = new WebSocket(
      `${gateway.url.replace('http', 'ws')}/graphql?authorization=${encodeURIComponent(bearer())}`,
      [GRAPHQL_TRANSPORT_WS_PROTOCOL],
    )
    onTestFinished(() => socket.terminate())
    await once(socket, 'open')
    socket.send(JSON.stringify({ type: MessageType.ConnectionInit }))
    await once(socket, 'message')
    socket.send(
      JSON.stringify({
        id: '1',
        type: MessageType.Subscribe,
        payload: { query: '{ viewer { accountId } }' },
      }),
    )
    expect(String(await once(socket, 'message'))).toContain('UNAUTHENTICATED')
    expect(JSON.stringify(gateway.logged)).not.toContain(account.key)
  })
})

test('a client with a wrong key does not connect again', async () => {
  let connections = 0
  const client = createClient({
    url: `${gateway.url.replace('http', 'ws')}/graphql`,
    connectionParams: { authorization: 'Bearer sk_test_wrong' },
    retryAttempts: 5,
    shouldRetry: () => true,
    retryWait: async () => {},
    on: { connecting: () => void connections++ },
  })
  await expect(Array.fromAsync(client.iterate({ query: '{ __typename }' }))).rejects.toMatchObject({
    code: CloseCode.Unauthorized,
  })
  expect(connections).toBe(1)
})

test.each([
  ['a document', { query: '{ __typename }' }, { type: MessageType.Next }],
  [
    'only a hash',
    {},
    {
      type: MessageType.Error,
      payload: [
        { message: 'PersistedQueryNotSupported', extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' } },
      ],
    },
  ],
  [
    'a hash and an empty document',
    { query: '' },
    { type: MessageType.Error, payload: [{ message: 'PersistedQueryNotSupported' }] },
  ],
])('a persisted query with %s is answered', async (_what, payload, answer) => {
  const wire = await connect()
  const extensions = { persistedQuery: { version: 1, sha256Hash: 'x' } }
  wire.send({ id: '1', type: MessageType.Subscribe, payload: { ...payload, extensions } })
  expect(await wire.receive()).toMatchObject(answer)
  expect(wire.socket.readyState).toBe(WebSocket.OPEN)
})

test('an ID can be used again at once after its operation is completed', async () => {
  const run = await insertRun(gateway.prisma, account)
  const wire = await connect()
  const answers: unknown[] = []
  wire.socket.on('message', (data) => answers.push(JSON.parse(String(data)).type))
  for (let i = 0; i < 20; i++) {
    subscribe(wire, '1', run.id)
    wire.send({ id: '1', type: MessageType.Complete })
  }
  subscribe(wire, '1', run.id)
  const answered = (type: MessageType, count = 1): Promise<void> =>
    vi.waitFor(() => expect(answers.filter((answer) => answer === type)).toHaveLength(count), {
      timeout: 30_000,
    })
  wire.send({ type: MessageType.Ping })
  await answered(MessageType.Pong)
  await account.client.request(
    `mutation { cancelReportRun(input: { id: "${run.id}" }) { reportRun { id } } }`,
  )
  await answered(MessageType.Complete)
  wire.send({ type: MessageType.Ping })
  await answered(MessageType.Pong, 2)
  const messages = answers.filter((type) => type !== MessageType.Pong)
  expect(messages.slice(-2)).toEqual([MessageType.Next, MessageType.Complete])
})

test('a message in a binary frame is read like text', async () => {
  const wire = await connect()
  const message = { id: '1', type: MessageType.Subscribe, payload: { query: '{ __typename }' } }
  wire.socket.send(Buffer.from(JSON.stringify(message)), { binary: true })
  expect(await wire.receive()).toMatchObject({ type: MessageType.Next })
})

describe('while one socket sends 10,000 messages, others are answered', () => {
  const query = '{ viewer { accountId } }'
  test.each([
    ['queries', (id: number) => ({ id: String(id), type: MessageType.Subscribe, payload: { query } })],
    ['pings', () => ({ type: MessageType.Ping })],
    [
      'broken documents',
      (id: number) => ({ id: String(id), type: MessageType.Subscribe, payload: { query: '{' } }),
    ],
  ])('with %s', async (_what, message) => {
    const [greedy, modest] = [await connect(), await connect()]
    let answered = 0
    greedy.socket.on('message', () => void answered++)
    for (let id = 0; id < 10_000; id++) greedy.send(message(id))
    await vi.waitFor(() => expect(answered).toBeGreaterThan(0), { timeout: 30_000, interval: 1 })
    modest.send({ id: '1', type: MessageType.Subscribe, payload: { query } })
    await modest.receive()
    expect(answered).toBeLessThan(1_000)
    greedy.socket.terminate()
  })
})

test('a ping of graphql-transport-ws gets a pong', async () => {
  const wire = await connect()
  wire.send({ type: MessageType.Ping, payload: { at: 1 } })
  expect(await wire.receive()).toEqual({ type: MessageType.Pong, payload: { at: 1 } })
})

function handshake(url: string, path: string, protocol: string): ClientRequest {
  return get(url + path, {
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'MDEyMzQ1Njc4OWFiY2RlZg==',
      'sec-websocket-protocol': protocol,
    },
  })
}

test.each([
  ['/', 302],
  ['/files/x', 403],
  ['/graphql/', 404],
  ['/graphql2', 404],
])('there is no WebSocket at %s, but the answer of every request', async (path, status) => {
  const [response] = await once(handshake(gateway.url, path, GRAPHQL_TRANSPORT_WS_PROTOCOL), 'response')
  expect(response.statusCode).toBe(status)
  response.resume()
})

test('the gateway does not accept another subprotocol', async () => {
  const [response, socket] = await once(handshake(gateway.url, '/graphql', 'graphql-ws'), 'upgrade')
  expect(response.statusCode).toBe(101)
  expect(response.headers).not.toHaveProperty('sec-websocket-protocol')
  socket.destroy()
})

describe('a client that disconnects without a close leaves nothing open', () => {
  /** True when this process still reads the event log of the account after a notification. */
  const isFollowed = async ({ accountId }: TestAccount, witness: TestAccount): Promise<boolean> => {
    using sent = noteStatements()
    const isRead = (owner: string): boolean =>
      sent
        .statements()
        .some(({ text, values }) => /^select.*report_run_events/i.test(text) && values.includes(owner))
    // The witness is still connected: once its log has been read, so has the other one.
    for (const each of [accountId, witness.accountId]) {
      await gateway.database.query("select pg_notify('report_gateway_events', $1)", [`${each}:test`])
    }
    await vi.waitFor(() => expect(isRead(witness.accountId)).toBe(true), { timeout: 30_000 })
    return isRead(accountId)
  }

  const followed = async (): Promise<{ vanishing: TestAccount; witness: TestAccount; runId: string }> => {
    const [vanishing, witness] = [await gateway.createAccount(), await gateway.createAccount()]
    const wire = await connect(witness)
    subscribe(wire, '1', (await insertRun(gateway.prisma, witness)).id)
    await wire.receive()
    return { vanishing, witness, runId: (await insertRun(gateway.prisma, vanishing)).id }
  }

  test('over WebSocket', async () => {
    const { vanishing, witness, runId } = await followed()
    const wire = await connect(vanishing)
    for (let i = 0; i < 15; i++) subscribe(wire, String(i), runId)
    for (let i = 0; i < 15; i++) await wire.receive()
    await vi.waitFor(async () => expect(await isFollowed(vanishing, witness)).toBe(true))
    wire.socket.terminate()
    await vi.waitFor(async () => expect(await isFollowed(vanishing, witness)).toBe(false), {
      timeout: 30_000,
    })
  })

  test('over SSE', async () => {
    const { vanishing, witness, runId } = await followed()
    const query = encodeURIComponent(`subscription { reportRun(id: "${runId}") { status } }`)
    const listen = async (): Promise<ClientRequest> => {
      const headers = { authorization: `Bearer ${vanishing.key}`, accept: 'text/event-stream' }
      const request = get(`${gateway.url}/graphql?query=${query}`, { headers, agent: false })
      const [response] = await once(request, 'response')
      await once(
        response.on('error', () => {}),
        'data',
      )
      return request
    }
    const requests = await Promise.all(Array.from({ length: 15 }, listen))
    await vi.waitFor(async () => expect(await isFollowed(vanishing, witness)).toBe(true))
    for (const request of requests) request.destroy()
    await vi.waitFor(async () => expect(await isFollowed(vanishing, witness)).toBe(false), {
      timeout: 30_000,
    })
  })

  test('during authentication', async () => {
    for (let i = 0; i < 5; i++) {
      const wire = await open()
      wire.send({ type: MessageType.ConnectionInit, payload: { authorization: `Bearer ${account.key}` } })
      wire.socket.terminate()
    }
    const wire = await connect()
    expect(wire.socket.readyState).toBe(WebSocket.OPEN)
  })
})

test('a client that answers no ping is cut off, and one that does is not', async () => {
  vi.useFakeTimers({ toFake: ['setInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const wire = await connect()
  const [, silent] = await once(handshake(gateway.url, '/graphql', GRAPHQL_TRANSPORT_WS_PROTOCOL), 'upgrade')
  const cut = once(silent.resume(), 'close')
  for (let pings = 0; pings < 2; pings++) {
    vi.advanceTimersByTime(12_000)
    // The pong of the WebSocket itself was sent before this one.
    await once(wire.socket, 'ping')
    wire.send({ type: MessageType.Ping })
    await wire.receive()
  }
  await cut
  expect(wire.socket.readyState).toBe(WebSocket.OPEN)
})

test('a client that does not answer the close frame does not block the gateway from stopping', async () => {
  const stopping = await startTestGateway()
  const request = handshake(stopping.url, '/graphql', GRAPHQL_TRANSPORT_WS_PROTOCOL)
  const [, socket] = await once(request, 'upgrade')
  const closed = once(socket.resume(), 'close')
  await stopping[Symbol.asyncDispose]()
  await closed
}, 10_000)

test('no test above logged an internal error or leaked listeners', () => {
  expect(gateway.logged.filter(({ level }) => Number(level) >= 40)).toEqual([])
  expect(warnings.filter(({ name }) => name !== 'DeprecationWarning')).toEqual([])
})
