import type { Socket } from 'node:net'
import { isEnumType } from 'graphql'
import { MessageType } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { revokeApiKey } from '../src/auth/api-keys.ts'
import { type CloseCode, closeCodes } from '../src/close-codes.ts'
import { loadConfig } from '../src/config/config.ts'
import { httpStatuses, type TopLevelCode, topLevelCodes, userErrorCodes } from '../src/error-codes.ts'
import { schema } from '../src/graphql/schema.ts'
import { accountKey, badRequests } from './support/bad-requests.ts'
import { openEventStream } from './support/event-stream.ts'
import { startTestGateway, type TestAccount, type TestGateway } from './support/gateway.ts'
import { insertRun } from './support/insert-run.ts'
import { exchange } from './support/raw-http.ts'
import { storeFile } from './support/stored-file.ts'
import { type Message, openWire, type Wire } from './support/wire.ts'

const { sockets } = loadConfig({})
const perKey = 3
const query = '{ viewer { __typename } }'

let gateway: TestGateway
let account: TestAccount
/** A subscription that does not complete. */
let watchRun: string
beforeAll(async () => {
  gateway = await startTestGateway({
    config: {
      introspection: false,
      sockets: { ...sockets, perKey, operations: 1, handshakeSeconds: 1 },
    },
  })
  account = await gateway.createAccount()
  const run = await insertRun(gateway.prisma, account)
  watchRun = `subscription { reportRun(id: "${run.id}") { id } }`
})
afterAll(() => gateway[Symbol.asyncDispose]())

/** What the tests below have seen: codes, codes with the status of a response without data, statuses with their path, close codes. */
const seen = {
  codes: new Set<unknown>(),
  pairs: new Set<string>(),
  statuses: new Set<string>(),
  numbers: new Set<number>(),
}

type AnswerBody = { data?: unknown; errors?: { extensions?: { code?: unknown } }[] }

function codesOf({ errors = [] }: AnswerBody): unknown[] {
  const codes = errors.map(({ extensions }) => extensions?.code)
  for (const code of codes) seen.codes.add(code)
  return codes
}

/** The codes of an HTTP response without data. */
function codesOfAnswer(status: number, body: AnswerBody): unknown[] {
  expect(body.data ?? null).toBeNull()
  const codes = codesOf(body)
  for (const code of codes) seen.pairs.add(`${code} ${status}`)
  return codes
}

/** The body of an HTTP response, or of the first event of a stream. */
function parseAnswer(body: string): AnswerBody {
  return JSON.parse(/^data: (.+)$/m.exec(body)?.[1] ?? body)
}

/** The codes of an `error` message, or of a `next` message without data. */
function codesOfMessage({ type, payload }: Message): unknown[] {
  // The protocol defines both payloads.
  return codesOf((type === MessageType.Error ? { errors: payload } : payload) as AnswerBody)
}

function noteStatus(path: string, status: number): number {
  const own = Object.entries(httpStatuses).find(([address]) => path.startsWith(address.replace('/ID', '/')))
  const [address] = own && status in own[1] ? own : ['any']
  seen.statuses.add(`${address} ${status}`)
  return status
}

async function send(path: string, request: RequestInit): Promise<{ status: number; body: string }> {
  const response = await fetch(gateway.url + path, { ...request, redirect: 'manual' })
  return { status: noteStatus(path, response.status), body: await response.text() }
}

/** Renames a table while `action` runs, so that queries fail. */
async function without<Result>(table: string, action: () => Promise<Result>): Promise<Result> {
  await gateway.database.query(`alter table ${table} rename to taken_away`)
  try {
    return await action()
  } finally {
    await gateway.database.query(`alter table taken_away rename to ${table}`)
  }
}

async function connect(key = account.key): Promise<Wire> {
  const wire = await openWire(gateway.url)
  wire.send({ type: MessageType.ConnectionInit, payload: { authorization: `Bearer ${key}` } })
  expect(await wire.receive()).toEqual({ type: MessageType.ConnectionAck })
  return wire
}

function subscribe(query: string, payload: object = {}): Message {
  return { id: '1', type: MessageType.Subscribe, payload: { query, ...payload } }
}

/** A final frame of the reserved opcode 15. */
function sendBrokenFrame({ socket }: Wire): void {
  // The package's types hide the connection that it writes to.
  const { _socket } = socket as unknown as { _socket: Socket }
  _socket.write(Buffer.from([0x8f, 0x80, 0, 0, 0, 0]))
}

function sendFragments({ socket }: Wire): void {
  for (let count = 0; count < 20_000; count++) socket.send('', { fin: false })
}

async function expectClose(wire: Wire, code: CloseCode): Promise<void> {
  const { code: number } = await wire.closed
  seen.numbers.add(number)
  expect(number).toBe(closeCodes[code].number)
}

async function exchangeStatus(path: string, request: string): Promise<number> {
  const [, status] = /^HTTP\/1\.1 (\d+) /.exec(await exchange(gateway.url, request)) ?? []
  return noteStatus(path, Number(status))
}

describe('over HTTP', () => {
  test.each(badRequests)('$what gets $status $code', async ({ path, request, status, code }) => {
    const headers = Object.entries(request.headers).map(([name, value]): [string, string] => [
      name,
      value === accountKey ? `Bearer ${account.key}` : value,
    ])
    const answer = await send(path, { ...request, headers })
    expect(answer.status).toBe(status)
    if (code) expect(codesOfAnswer(answer.status, parseAnswer(answer.body))).toEqual([code])
  })

  test('a malformed request', async () => {
    const long = `GET /graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`
    const expecting = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: x\r\n\r\n'
    const upgrade = '/graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n'
    const chunk = `POST /graphql HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;${'x'.repeat(20_000)}\r\n`
    const requests = ['nonsense\r\n\r\n', long, expecting, `GET ${upgrade}`, `POST ${upgrade}`, chunk]
    const statuses: number[] = []
    for (const request of requests) statuses.push(await exchangeStatus('', request))
    expect(statuses).toEqual([400, 431, 417, 400, 405, 413])
  })

  test('a handshake whose headers a proxy has removed', async () => {
    const head = 'GET /graphql HTTP/1.0\r\nHost: x\r\nConnection: close\r\n'
    const handshake = `${head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`
    expect(await exchangeStatus('/graphql', handshake)).toBe(426)
  })

  test('a served resource, and a file that cannot be served', async () => {
    const file = await storeFile(gateway, account, 'content')
    const link = (await file.link()).slice(gateway.url.length)
    // Not with fetch, which adds `Cache-Control: no-cache`, so that nothing is unchanged.
    const asked: [string[], number][] = [
      [[], 200],
      [['Range: bytes=0-1'], 206],
      [[`If-None-Match: "${file.sha256}"`], 304],
      [['If-Match: "other"'], 412],
      [['Range: bytes=90-99'], 416],
    ]
    for (const [headers, status] of asked) {
      const lines = [`GET ${link} HTTP/1.1`, 'Host: x', 'Connection: close', ...headers, '', '']
      expect(await exchangeStatus(link, lines.join('\r\n'))).toBe(status)
    }
    expect((await without('report_files', () => send(link, {}))).status).toBe(500)
    await gateway.prisma.reportFile.delete({ where: { id: file.id } })
    expect((await send(link, {})).status).toBe(410)
    for (const path of ['/health', '/ready', '/metrics']) expect((await send(path, {})).status).toBe(200)
    const page = await fetch(`${gateway.url}/graphql`, { headers: { accept: 'text/html' } })
    // A response that is not read delays the stop of the gateway.
    await page.arrayBuffer()
    const kept = { accept: 'text/html', 'if-none-match': page.headers.get('etag') ?? '' }
    expect((await send('/graphql', { headers: kept })).status).toBe(304)
  })

  test('one event stream too many', async () => {
    const streams = await Promise.all(
      Array.from({ length: perKey }, () => openEventStream(gateway.url, account.key, watchRun)),
    )
    const refused = await openEventStream(gateway.url, account.key, watchRun)
    await refused.ended
    expect(noteStatus('/graphql', refused.status)).toBe(429)
    expect(refused.events.flatMap(({ data }) => codesOfAnswer(refused.status, data ?? {}))).toEqual([
      'LIMIT_REACHED',
    ])
    for (const stream of streams) stream.close()
  })

  test('an object that does not exist', async () => {
    const stream = await openEventStream(
      gateway.url,
      account.key,
      'subscription { reportRun(id: "x") { id } }',
    )
    await stream.ended
    expect(stream.events.flatMap(({ data }) => codesOfAnswer(stream.status, data ?? {}))).toEqual([
      'NOT_FOUND',
    ])
  })

  test('an internal error', async () => {
    // With a key that the gateway has not read yet.
    const { client } = await gateway.createAccount()
    const answer = await without('api_keys', () => client.execute<unknown>(query))
    expect(answer).toMatchObject({ status: 500 })
    expect(codesOfAnswer(answer.status, answer)).toEqual(['INTERNAL_SERVER_ERROR'])
    noteStatus('/graphql', 500)
  })
})
describe('over WebSocket, an operation', () => {
  test.each<[string, TopLevelCode, Message]>([
    ['that is not GraphQL', 'GRAPHQL_PARSE_FAILED', subscribe('{')],
    ['with an unknown field', 'GRAPHQL_VALIDATION_FAILED', subscribe('{ a }')],
    [
      'that the document does not contain',
      'OPERATION_RESOLUTION_FAILURE',
      subscribe(query, { operationName: 'A' }),
    ],
    [
      'with a variable of another type',
      'BAD_USER_INPUT',
      subscribe('query ($n: Int) { reportRuns(first: $n) { totalCount } }', { variables: { n: 'x' } }),
    ],
    ['of an unknown run', 'NOT_FOUND', subscribe('subscription { reportRun(id: "x") { id } }')],
    ['with too many levels', 'REQUEST_TOO_LARGE', subscribe(`{ ${'a { '.repeat(20)}b${' }'.repeat(20)} }`)],
  ])('%s gets %s', async (_what, code, message) => {
    const wire = await connect()
    wire.send(message)
    expect(codesOfMessage(await wire.receive())).toEqual([code])
    wire.socket.close()
  })

  test('too many gets LIMIT_REACHED', async () => {
    const wire = await connect()
    wire.send(subscribe(watchRun))
    expect(await wire.receive()).toMatchObject({ type: MessageType.Next })
    wire.send({ ...subscribe(watchRun), id: '2' })
    expect(codesOfMessage(await wire.receive())).toEqual(['LIMIT_REACHED'])
    wire.socket.close()
  })
})

describe('a WebSocket is closed', () => {
  test.each<[string, CloseCode, (wire: Wire) => void, string[]?]>([
    ['that violates the protocol', 'protocolError', sendBrokenFrame],
    [
      'with a message that is not UTF-8',
      'notUtf8',
      ({ socket }) => socket.send(Buffer.from([0xff]), { binary: false }),
    ],
    ['with too many fragments', 'tooManyFragments', sendFragments],
    ['with a message that is too long', 'messageTooLong', ({ socket }) => socket.send('x'.repeat(100_000))],
    ['that offers no subprotocol', 'wrongSubprotocol', () => {}, []],
    ['with a message of another protocol', 'badMessage', ({ socket }) => socket.send('x')],
    ['that sends an operation before connection_init', 'unauthorized', ({ send }) => send(subscribe(query))],
    [
      'with a wrong key',
      'unauthorized',
      (wire) => wire.send({ type: MessageType.ConnectionInit, payload: { authorization: 'Bearer x' } }),
    ],
    ['that sends nothing', 'initTimeout', () => {}],
    [
      'that sends connection_init twice',
      'tooManyConnections',
      ({ send }) => {
        send({ type: MessageType.ConnectionInit })
        send({ type: MessageType.ConnectionInit })
      },
    ],
  ])('%s: %s', async (_what, code, act, protocols) => {
    const wire = await openWire(gateway.url, protocols)
    act(wire)
    await expectClose(wire, code)
  })

  test('that uses an ID twice: operationExists', async () => {
    const wire = await connect()
    wire.send(subscribe(watchRun))
    wire.send(subscribe(watchRun))
    await expectClose(wire, 'operationExists')
  })

  test('of a key at its limit: tooManyConnections', async () => {
    const wires = await Promise.all(Array.from({ length: perKey }, () => connect()))
    const wire = await openWire(gateway.url)
    wire.send({ type: MessageType.ConnectionInit, payload: { authorization: `Bearer ${account.key}` } })
    await expectClose(wire, 'tooManyConnections')
    for (const { socket } of wires) socket.close()
  })

  test('after an internal error: internalError', async () => {
    const wire = await openWire(gateway.url)
    // A key that the gateway has not read yet.
    const { key } = await gateway.createAccount()
    await without('api_keys', async () => {
      wire.send({ type: MessageType.ConnectionInit, payload: { authorization: `Bearer ${key}` } })
      await expectClose(wire, 'internalError')
    })
  })

  test('whose key is revoked: unauthorized', async () => {
    const { key, apiKeyId } = await gateway.createAccount()
    const wire = await connect(key)
    await revokeApiKey(gateway.prisma, apiKeyId)
    await expectClose(wire, 'unauthorized')
  })

  test('when the gateway stops: restarting', async () => {
    const wire = await connect()
    await gateway[Symbol.asyncDispose]()
    await expectClose(wire, 'restarting')
  })
})

/** The entries that need an outage, an unknown bug, or more time than a test has. */
const elsewhere = {
  codes: ['UNAVAILABLE'],
  pairs: ['UNAVAILABLE 503'],
  numbers: [closeCodes.slowReader.number, closeCodes.tryAgainLater.number],
  statuses: ['/graphql 101', '/graphql 503', '/ready 503', 'any 408', 'any 500', 'any 503'],
}

describe('the table', () => {
  test('contains exactly the codes and statuses that the gateway sends', () => {
    expect([...seen.codes, ...elsewhere.codes].sort()).toEqual(Object.keys(topLevelCodes).sort())
    const pairs = Object.entries(topLevelCodes).flatMap(([code, { statuses }]) =>
      statuses.map((status) => `${code} ${status}`),
    )
    expect([...seen.pairs, ...elsewhere.pairs].sort()).toEqual(pairs.sort())
    const numbers = Object.values(closeCodes).map(({ number }) => number)
    expect([...seen.numbers, ...elsewhere.numbers].sort()).toEqual(numbers.sort())
    const statuses = Object.entries(httpStatuses).flatMap(([address, entries]) =>
      Object.keys(entries).map((status) => `${address} ${status}`),
    )
    expect([...seen.statuses, ...elsewhere.statuses].sort()).toEqual(statuses.sort())
  })

  test('is the source of the user error codes in the schema', () => {
    const type = schema.getType('UserErrorCode')
    const described = isEnumType(type)
      ? type.getValues().map(({ name, description }) => [name, description])
      : []
    const entries = Object.entries(userErrorCodes)
    expect(described.sort()).toEqual(
      entries.map(([code, { meaning, action }]) => [code, `${meaning} ${action}`]).sort(),
    )
  })
})
