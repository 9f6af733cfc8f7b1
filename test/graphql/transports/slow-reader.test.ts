import diagnostics from 'node:diagnostics_channel'
import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { MessageType } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import type { ReportRun } from '../../../src/postgres/generated/prisma/client.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import { insertRun } from '../../support/insert-run.ts'
import { appendMany } from '../../support/many-events.ts'
import { openWire, type Wire } from '../../support/wire.ts'

const operations = 10
const sockets = {
  perKey: 100,
  operations,
  subscriptionsPerKey: 10_000,
  messageBytes: 65_536,
  handshakeSeconds: 30,
}
// The kernel buffers about 10 MB, or 125 events, of a connection that is not read.
const big = 'x'.repeat(16 * 1024)
const bigMessage = 5 * big.length
const watchBig =
  'subscription ($after: EventCursor) { reportRunEvents(after: $after) { cursor run { a: metadata b: metadata c: metadata d: metadata e: metadata } } }'
const watchSmall = 'subscription ($after: EventCursor) { reportRunEvents(after: $after) { cursor } }'

/** The server side of each connection, by the client's port. */
const serverEnds = new Map<number | undefined, Socket>()
function noteEnd(message: unknown): void {
  // The documented message of this channel.
  const { socket } = message as { socket: Socket }
  serverEnds.set(socket.remotePort, socket)
}
beforeAll(() => diagnostics.subscribe('net.server.socket', noteEnd))
afterAll(() => void diagnostics.unsubscribe('net.server.socket', noteEnd))

function portOf(wire: Wire): number | undefined {
  // `ws` offers no other way to read the port.
  const { _socket } = wire.socket as unknown as { _socket: Socket }
  return _socket.localPort
}
function serverEndOf(port: number | undefined): Socket {
  const socket = serverEnds.get(port)
  if (!socket) throw new Error(`The gateway has no connection from port ${port}.`)
  return socket
}

type Subscriber = {
  wire: Wire
  /** The cursors in the order of arrival. */
  cursors: string[]
}

async function connect(gateway: TestGateway, { key }: TestAccount): Promise<Wire> {
  const wire = await openWire(gateway.url)
  wire.send({ type: MessageType.ConnectionInit, payload: { authorization: `Bearer ${key}` } })
  expect(await wire.receive()).toEqual({ type: MessageType.ConnectionAck })
  return wire
}

async function subscribe(
  gateway: TestGateway,
  account: TestAccount,
  query: string,
  after: string | null = null,
): Promise<Subscriber> {
  const wire = await connect(gateway, account)
  const cursors: string[] = []
  wire.socket.on('message', (data) => {
    const cursor = /"cursor":"([^"]+)"/.exec(String(data))?.[1]
    if (cursor !== undefined) cursors.push(cursor)
  })
  wire.send({ id: '1', type: MessageType.Subscribe, payload: { query, variables: { after } } })
  return { wire, cursors }
}

/** Waits until `count` events have arrived. */
function arrived({ cursors }: Subscriber, count: number, timeout = 10_000): Promise<void> {
  return vi.waitFor(() => expect(cursors.length).toBe(count), { timeout, interval: 5 })
}

/** An account with a run whose events are large, and a subscriber that reads them all. */
async function prepare(gateway: TestGateway) {
  const account = await gateway.createAccount()
  const run = await insertRun(gateway.prisma, account, { status: 'RUNNING', metadata: { big } })
  const healthy = await subscribe(gateway, account, watchSmall)
  await arrived(healthy, 1)
  return { account, run, healthy }
}

/** A subscriber that has received the first event and no longer reads. */
async function getStuck(gateway: TestGateway, account: TestAccount) {
  const stuck = await subscribe(gateway, account, watchBig)
  await arrived(stuck, 1)
  const serverEnd = serverEndOf(portOf(stuck.wire))
  stuck.wire.socket.pause()
  return { ...stuck, serverEnd }
}

async function getStuckOverSse(gateway: TestGateway, { key }: TestAccount) {
  const { hostname, port } = new URL(gateway.url)
  const socket = connectTcp(Number(port), hostname)
  onTestFinished(() => void socket.destroy())
  const body = JSON.stringify({ query: watchBig })
  socket.write(
    `POST /graphql HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk
  })
  socket.on('error', () => {})
  await vi.waitFor(() => expect(text).toContain('"cursor"'), { timeout: 30_000 })
  const serverEnd = serverEndOf(socket.localPort)
  socket.pause()
  return {
    socket,
    serverEnd,
    text: () => text,
    cursors: () => [...text.matchAll(/"cursor":"([^"]+)"/g)].map(([, cursor]) => String(cursor)),
  }
}

function append(gateway: TestGateway, run: ReportRun, count: number): Promise<void> {
  return appendMany(gateway.database, run, count)
}

/** Reads the event log after a cursor. */
async function resume(
  gateway: TestGateway,
  account: TestAccount,
  after: string | undefined,
  count: number,
): Promise<string[]> {
  if (after === undefined) throw new Error('Not even one event had come.')
  const resumed = await subscribe(gateway, account, watchSmall, after)
  await arrived(resumed, count)
  return resumed.cursors
}

describe('a client that does not read', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startTestGateway({
      config: { role: 'gateway', sockets: { ...sockets, slowReaderSeconds: 120 } },
    })
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  test('uses as much memory for 2,000 events as for 200, over WebSocket and SSE, and delays no other client', {
    timeout: 60_000,
  }, async () => {
    const { account, run, healthy } = await prepare(gateway)
    const stuck = await getStuck(gateway, account)
    const stuckOverSse = await getStuckOverSse(gateway, account)
    const waiting = (): number[] => [stuck.serverEnd, stuckOverSse.serverEnd].map((end) => end.writableLength)
    const bound = 3 * bigMessage
    let told = 1
    for (const count of [200, 1_800]) {
      await append(gateway, run, count)
      told += count
      await arrived(healthy, told)
      // The events have started to accumulate, and stop.
      await vi.waitFor(() => expect(Math.min(...waiting())).toBeGreaterThan(0), { timeout: 30_000 })
      expect(Math.max(...waiting())).toBeLessThan(bound)
    }
    // It receives the unread events when it reads again.
    stuck.wire.socket.resume()
    await arrived(stuck, told, 30_000)
    expect(stuck.cursors).toEqual(healthy.cursors)
  })

  test('but still sends is not read from until it reads again', async () => {
    const account = await gateway.createAccount()
    const wire = await connect(gateway, account)
    const serverEnd = serverEndOf(portOf(wire))
    wire.socket.pause()
    const pings = 500
    const payload = { text: 'x'.repeat(60_000) }
    for (let i = 0; i < pings; i++) wire.send({ type: MessageType.Ping, payload })
    await vi.waitFor(() => expect(serverEnd.isPaused()).toBe(true), { timeout: 30_000 })
    expect(serverEnd.writableLength).toBeLessThan(2 * 1024 * 1024)
    wire.socket.resume()
    for (let i = 0; i < pings; i++) expect((await wire.receive()).type).toBe(MessageType.Pong)
  })
})

describe('a client that has not read for the allowed time', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startTestGateway({
      config: { role: 'gateway', sockets: { ...sockets, slowReaderSeconds: 1 } },
    })
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  test('is closed over WebSocket with 4413, which it receives if it reads soon; with its cursor it loses no event', async () => {
    const { account, run, healthy } = await prepare(gateway)
    const close = vi.spyOn(WebSocket.prototype, 'close')
    onTestFinished(() => close.mockRestore())
    const stuck = await getStuck(gateway, account)
    await append(gateway, run, 300)
    const told = 301
    await arrived(healthy, told)
    await vi.waitFor(() => expect(close).toHaveBeenCalledWith(4413, expect.any(String)), { timeout: 30_000 })
    stuck.wire.socket.resume()
    expect(await stuck.wire.closed).toEqual({
      code: 4413,
      reason: 'The client does not read its messages. Connect again with the last cursor.',
    })
    const seen = stuck.cursors.length
    expect(seen).toBeLessThan(told)
    const rest = await resume(gateway, account, stuck.cursors.at(-1), told - seen)
    expect([...stuck.cursors, ...rest]).toEqual(healthy.cursors)
    expect(healthy.wire.socket.readyState).toBe(WebSocket.OPEN)
  })

  test('is cut off when it does not read the close frame', async () => {
    const { account, run, healthy } = await prepare(gateway)
    const { serverEnd } = await getStuck(gateway, account)
    await append(gateway, run, 300)
    await arrived(healthy, 301)
    if (!serverEnd.destroyed) await once(serverEnd, 'close', { signal: AbortSignal.timeout(12_000) })
    expect(serverEnd.destroyed).toBe(true)
  })

  test('is cut off over SSE; with its cursor it loses no event', async () => {
    const { account, run, healthy } = await prepare(gateway)
    const stuck = await getStuckOverSse(gateway, account)
    await append(gateway, run, 300)
    const told = 301
    await arrived(healthy, told)
    const signal = AbortSignal.timeout(6_000)
    if (!stuck.serverEnd.destroyed) await once(stuck.serverEnd, 'close', { signal })
    stuck.socket.resume()
    await once(stuck.socket, 'close')
    expect(stuck.text()).not.toContain('event: complete')
    const seen = stuck.cursors()
    expect(seen.length).toBeLessThan(told)
    const rest = await resume(gateway, account, seen.at(-1), told - seen.length)
    expect([...seen, ...rest]).toEqual(healthy.cursors)
  })

  test('is not closed when it reads slowly', { timeout: 60_000 }, async () => {
    const { account, run, healthy } = await prepare(gateway)
    const slow = await subscribe(gateway, account, watchBig)
    await arrived(slow, 1)
    const { socket, send } = slow.wire
    for (const id of ['2', '3']) send({ id, type: MessageType.Subscribe, payload: { query: watchBig } })
    await arrived(slow, 3)
    // 2 MB at a time.
    let read = 0
    socket.on('message', () => {
      read++
      if (read % 25 !== 0) return
      socket.pause()
      setTimeout(() => socket.resume(), 400)
    })
    const startedAt = performance.now()
    const count = 140
    await append(gateway, run, count)
    await arrived(slow, 3 * (1 + count), 40_000)
    expect(performance.now() - startedAt).toBeGreaterThan(4_000)
    expect(new Set(slow.cursors)).toEqual(new Set(healthy.cursors))
    expect(socket.readyState).toBe(WebSocket.OPEN)
  })
})
