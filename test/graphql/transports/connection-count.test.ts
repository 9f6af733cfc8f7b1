import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { MessageType } from 'graphql-ws'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { type EventStream, openEventStream, waitForEvents } from '../../support/event-stream.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import { insertRun } from '../../support/insert-run.ts'
import { openWire, type Wire } from '../../support/wire.ts'

const limits = {
  perKey: 3,
  operations: 4,
  subscriptionsPerKey: 6,
  messageBytes: 2_048,
  handshakeSeconds: 1,
  slowReaderSeconds: 30,
}

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway({ config: { role: 'gateway', sockets: limits } })
})
afterAll(() => gateway[Symbol.asyncDispose]())

const watchRun = 'subscription ($id: ID!) { reportRun(id: $id) { status } }'

function initialize(wire: Wire, { key }: TestAccount): void {
  wire.send({ type: MessageType.ConnectionInit, payload: { authorization: `Bearer ${key}` } })
}

async function connect(account: TestAccount): Promise<Wire> {
  const wire = await openWire(gateway.url)
  initialize(wire, account)
  expect(await wire.receive()).toEqual({ type: MessageType.ConnectionAck })
  return wire
}

function subscribe(wire: Wire, id: string, runId: string): void {
  wire.send({
    id,
    type: MessageType.Subscribe,
    payload: { query: watchRun, variables: { id: runId } },
  })
}

function status(id: string) {
  return {
    id,
    type: MessageType.Next,
    payload: { data: { reportRun: { status: 'PENDING' } } },
  }
}

test('a socket accepts a limited number of operations; completing one allows another', async () => {
  const account = await gateway.createAccount()
  const run = await insertRun(gateway.prisma, account)
  const wire = await connect(account)
  for (const id of ['1', '2', '3', '4']) {
    subscribe(wire, id, run.id)
    expect(await wire.receive()).toEqual(status(id))
  }
  const refused = (id: string) => ({
    id,
    type: MessageType.Error,
    payload: [
      {
        message:
          'The WebSocket has 4 active operations, which is its limit. Complete one of them, or open another WebSocket.',
        extensions: { code: 'LIMIT_REACHED' },
      },
    ],
  })
  subscribe(wire, '5', run.id)
  expect(await wire.receive()).toEqual(refused('5'))
  // A query is an operation as well.
  wire.send({ id: '6', type: MessageType.Subscribe, payload: { query: '{ __typename }' } })
  expect(await wire.receive()).toEqual(refused('6'))

  wire.send({ id: '2', type: MessageType.Complete })
  subscribe(wire, '5', run.id)
  expect(await wire.receive()).toEqual(status('5'))
  // The other operations continue.
  await account.client.request(
    `mutation { cancelReportRun(input: { id: "${run.id}" }) { reportRun { id } } }`,
  )
  const received = new Set<string | undefined>()
  for (let i = 0; i < 8; i++) received.add((await wire.receive()).id)
  expect([...received].sort()).toEqual(['1', '3', '4', '5'])
})

async function openLog({ key }: TestAccount): Promise<EventStream> {
  const stream = await openEventStream(gateway.url, key, 'subscription { reportRunEvents { run { id } } }')
  await waitForEvents(stream, 1)
  return stream
}

function wasRefused({ events }: EventStream): boolean {
  return events[0]?.data?.errors?.[0]?.extensions?.code === 'LIMIT_REACHED'
}

test('a key has a limited number of WebSockets; closing one allows another', async () => {
  const [account, other] = [await gateway.createAccount(), await gateway.createAccount()]
  const wires = [await connect(account), await connect(account), await connect(account)]
  const refused = await openWire(gateway.url)
  initialize(refused, account)
  expect(await refused.closed).toEqual({
    code: 4429,
    reason: 'The API key has 3 open connections, which is its limit.',
  })
  await connect(other)

  const [first, second, third] = wires
  first?.socket.close()
  await first?.closed
  const next = await vi.waitFor(() => connect(account), { timeout: 30_000 })
  // Also when a socket ends without a close frame.
  for (const gone of [second, third, next]) gone?.socket.terminate()
  for (let i = 0; i < 3; i++) await vi.waitFor(() => connect(account), { timeout: 30_000 })
})

test('a key has a limited number of subscriptions on all its connections; completing one allows another', async () => {
  const account = await gateway.createAccount()
  const run = await insertRun(gateway.prisma, account)
  const [first, second] = [await connect(account), await connect(account)]
  for (const wire of [first, second]) {
    for (const id of ['1', '2', '3']) {
      subscribe(wire, id, run.id)
      expect(await wire.receive()).toEqual(status(id))
    }
  }
  subscribe(second, '4', run.id)
  expect(await second.receive()).toMatchObject({
    id: '4',
    payload: { errors: [{ extensions: { code: 'LIMIT_REACHED' } }] },
  })
  expect(await second.receive()).toMatchObject({ id: '4', type: MessageType.Complete })
  // A query is not a subscription.
  second.send({ id: '5', type: MessageType.Subscribe, payload: { query: '{ __typename }' } })
  expect(await second.receive()).toMatchObject({ id: '5', type: MessageType.Next })
  expect(await second.receive()).toMatchObject({ id: '5', type: MessageType.Complete })

  first.send({ id: '1', type: MessageType.Complete })
  await expect.poll(openSubscriptions).toBeLessThan(6)
  subscribe(second, '6', run.id)
  expect(await second.receive()).toEqual(status('6'))
})

test('event streams count as connections; ending one allows another', async () => {
  const account = await gateway.createAccount()
  const run = await insertRun(gateway.prisma, account)
  const streams = [await openLog(account), await openLog(account)]
  await connect(account)
  const refused = await openLog(account)
  expect(refused.events).toEqual([
    {
      event: 'next',
      data: {
        errors: [
          expect.objectContaining({
            message: 'The API key has 3 open connections, which is its limit. Close one of them.',
            extensions: { code: 'LIMIT_REACHED' },
          }),
        ],
      },
    },
    ...(refused.events.length > 1 ? [{ event: 'complete', data: null }] : []),
  ])
  expect(await refused.ended).toBe(true)
  // A query does not count as a connection.
  expect(await account.client.request('{ __typename }')).toEqual({ __typename: 'Query' })

  streams[0]?.close()
  const room = async (): Promise<EventStream> => {
    const stream = await openEventStream(gateway.url, account.key, watchRun, { id: run.id })
    await waitForEvents(stream, 1)
    expect(wasRefused(stream)).toBe(false)
    return stream
  }
  const last = await vi.waitFor(room, { timeout: 30_000 })
  // A stream that completes no longer counts, either.
  await account.client.request(
    `mutation { cancelReportRun(input: { id: "${run.id}" }) { reportRun { id } } }`,
  )
  expect(await last.ended).toBe(true)
  await vi.waitFor(room, { timeout: 30_000 })
})

test('a client that disconnects during authentication does not stay counted', async () => {
  const account = await gateway.createAccount()
  for (let i = 0; i < 30; i++) {
    const wire = await openWire(gateway.url)
    initialize(wire, account)
    wire.socket.terminate()
    await wire.closed
  }
  for (let i = 0; i < 3; i++) await vi.waitFor(() => connect(account), { timeout: 30_000 })
})

test('a client that disconnects while an event stream starts does not stay counted', async () => {
  const account = await gateway.createAccount()
  await insertRun(gateway.prisma, account)
  const body = JSON.stringify({
    query: 'subscription { reportRunEvents { run { id } } }',
  })
  const { hostname, port } = new URL(gateway.url)
  for (let i = 0; i < 40; i++) {
    const socket = connectTcp(Number(port), hostname)
    socket.write(
      `POST /graphql HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${account.key}\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    await once(socket, 'connect')
    // At different moments of its start.
    const turns = i % 20
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
    socket.destroy()
  }
  for (let i = 0; i < 3; i++) {
    await vi.waitFor(async () => expect(wasRefused(await openLog(account))).toBe(false), { timeout: 30_000 })
  }
})

/** The number of open subscriptions according to the metrics. */
async function openSubscriptions(): Promise<number> {
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
  return Number(/^report_gateway_open_subscriptions (\d+)$/m.exec(metrics)?.[1])
}

test('a client that disconnects while subscriptions start leaves none open, even when it reused an ID', async () => {
  const account = await gateway.createAccount()
  const run = await insertRun(gateway.prisma, account)
  await vi.waitFor(async () => expect(await openSubscriptions()).toBe(0))
  for (let i = 0; i < 20; i++) {
    const wire = await vi.waitFor(() => connect(account), { timeout: 30_000 })
    subscribe(wire, '1', run.id)
    wire.send({ id: '1', type: MessageType.Complete })
    subscribe(wire, '1', run.id)
    subscribe(wire, '2', run.id)
    // Alternately before any subscription has started and after all have.
    if (i % 2 === 0) await vi.waitFor(async () => expect(await openSubscriptions()).toBeGreaterThan(1))
    wire.socket.terminate()
    await vi.waitFor(async () => expect(await openSubscriptions()).toBe(0), { timeout: 30_000 })
  }
})

test('a message over the limit closes only its own socket, with 1009', async () => {
  const account = await gateway.createAccount()
  const [greedy, modest] = [await connect(account), await connect(account)]
  greedy.socket.send('x'.repeat(limits.messageBytes + 1))
  expect(await greedy.closed).toMatchObject({ code: 1009 })
  modest.send({ type: MessageType.Ping })
  expect(await modest.receive()).toEqual({ type: MessageType.Pong })
})

test('a socket that does not send connection_init in time is closed with 4408', async () => {
  const wires = await Promise.all(Array.from({ length: 50 }, () => openWire(gateway.url)))
  for (const { closed } of wires) {
    expect(await closed).toEqual({ code: 4408, reason: 'Connection initialisation timeout' })
  }
})

async function openTcp(text: string): Promise<Socket> {
  const { hostname, port } = new URL(gateway.url)
  const socket = connectTcp(Number(port), hostname)
    .on('error', () => {})
    .resume()
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  socket.write(text)
  return socket
}

test('connections that never finish their headers are closed, and others are served in the meantime', async () => {
  const account = await gateway.createAccount()
  const texts = ['', 'GET /grap', 'GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n']
  const sockets = await Promise.all(
    Array.from({ length: 200 }, (_, i) => openTcp(texts[i % texts.length] ?? '')),
  )
  // The default time limit of Node for headers is a minute.
  const signal = AbortSignal.timeout(50_000)
  const closed = Promise.all(sockets.map((socket) => once(socket, 'close', { signal })))
  expect(await account.client.request('{ __typename }')).toEqual({ __typename: 'Query' })
  await closed
})
