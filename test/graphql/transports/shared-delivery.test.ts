import fc from 'fast-check'
import { GRAPHQL_TRANSPORT_WS_PROTOCOL, MessageType } from 'graphql-ws'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import type { ReportRun } from '../../../src/postgres/generated/prisma/client.ts'
import { changeRun } from '../../support/foreign-worker.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import { insertRun } from '../../support/insert-run.ts'

// Two gateways on one database: the first shares the messages of equal subscriptions, the second executes each alone.
const cleanup = new AsyncDisposableStack()
let sharing: TestGateway
let alone: TestGateway
beforeAll(async () => {
  const now = (): Date => new Date('2026-05-01T12:00:00Z')
  sharing = cleanup.use(await startTestGateway({ config: { role: 'gateway' }, now }))
  const { database, dataDir } = sharing
  const config = {
    role: 'gateway',
    shortcuts: { sharedEvents: false, keyCache: true, compiledOperations: true, shortRequestPath: true },
  } as const
  alone = cleanup.use(await startTestGateway({ config, database, dataDir, now }))
})
afterAll(() => cleanup.disposeAsync())

type Stream = { messages: string[]; stop: () => void }

/** The messages of a subscription as they are sent, without pings. */
function open(gateway: TestGateway, key: string, subscription: Subscription): Stream {
  return subscription.isSocket
    ? openSocket(gateway, key, subscription)
    : openEvents(gateway, key, subscription)
}

function openSocket({ url }: TestGateway, key: string, { query, variables }: Subscription): Stream {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, GRAPHQL_TRANSPORT_WS_PROTOCOL)
  const messages: string[] = []
  socket.on('error', () => {})
  socket.on('open', () => {
    const payload = { authorization: `Bearer ${key}` }
    socket.send(JSON.stringify({ type: MessageType.ConnectionInit, payload }))
  })
  socket.once('message', () => {
    socket.on('message', (data) => messages.push(String(data)))
    for (const id of ['1', 'é"2']) {
      socket.send(JSON.stringify({ id, type: MessageType.Subscribe, payload: { query, variables } }))
    }
  })
  socket.on('close', (code, reason) => messages.push(`${code} ${reason}`))
  return { messages, stop: () => socket.terminate() }
}

function openEvents({ url }: TestGateway, key: string, { query, variables }: Subscription): Stream {
  const stopping = new AbortController()
  const messages: string[] = []
  const read = async (): Promise<void> => {
    const headers = {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      accept: 'text/event-stream',
    }
    const body = JSON.stringify({ query, variables })
    const { signal } = stopping
    const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body, signal })
    let text = ''
    for await (const chunk of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
      const frames = `${text}${chunk}`.split('\n\n')
      text = frames.pop() ?? ''
      messages.push(...frames.filter((frame) => frame !== ':'))
    }
    messages.push('end')
  }
  read().catch(() => {})
  return { messages, stop: () => stopping.abort() }
}

type Subscription = { query: string; variables: Record<string, unknown>; isSocket: boolean }

const changes = [
  ['PENDING', 'RUNNING'],
  ['RUNNING', 'RUNNING'],
  ['RUNNING', 'RUNNING'],
  ['RUNNING', 'SUCCEEDED'],
] as const

const runFields = [
  'id status version',
  'label tags metadata parameters',
  'reportType { name title }',
  'queueDuration runDuration pollAfter queue { position }',
  'progress { percent rowsWritten }',
  'requestedBy { id displayName ... on ApiKey { lastFour } }',
  'result { rowCount files { id filename } }',
  'result { rows(first: 0) { rows } }',
  'viewerCanCancel viewerCanRetry isFinal',
  'events(first: 2) { nodes { cursor run { version } } }',
  'retryOf { id }',
]
const eventFields = [
  '__typename',
  'cursor',
  'occurredAt',
  '... on ReportRunStatusChanged { from to actor { displayName } }',
  '... on ReportRunProgressed { progress { rowsWritten } }',
]

const documents = fc.record({
  field: fc.constantFrom('log', 'run'),
  fields: fc.subarray(runFields, { minLength: 1, maxLength: 3 }),
  ofEvent: fc.subarray(eventFields, { minLength: 1 }),
  usesFragment: fc.boolean(),
})

const subscriptions = fc.record({
  account: fc.nat(1),
  key: fc.nat(1),
  isSocket: fc.boolean(),
  interval: fc.constantFrom('PT0S', 'PT1S', undefined),
  tags: fc.constantFrom(['a'], ['b'], undefined),
  resumes: fc.boolean(),
  /** The change before which it starts. */
  start: fc.nat(changes.length - 1),
})

// Few documents, so that many subscriptions differ in their variables alone.
const cases = fc.array(documents, { minLength: 1, maxLength: 2 }).chain((known) =>
  fc.array(
    fc
      .tuple(fc.constantFrom(...known), subscriptions)
      .map(([document, others]) => ({ ...document, ...others })),
    { minLength: 4, maxLength: 12 },
  ),
)
type Generated = typeof cases extends fc.Arbitrary<(infer Value)[]> ? Value : never

function subscriptionOf(given: Generated, run: ReportRun, after: string | null): Subscription {
  const { fields, ofEvent, field, usesFragment, interval, tags, resumes, isSocket } = given
  const selection = usesFragment ? '...Fields' : fields.join(' ')
  const fragment = usesFragment ? `fragment Fields on ReportRun { ${fields.join(' ')} }` : ''
  if (field === 'run') {
    const query = `subscription ($id: ID!) { reportRun(id: $id) { ${selection} } } ${fragment}`
    return { query, variables: { id: run.id }, isSocket }
  }
  const query = `subscription Log($after: EventCursor, $scope: ReportRunScopeInput, $interval: Duration = "PT0S") {
    reportRunEvents(after: $after, scope: $scope, progressInterval: $interval) {
      ${ofEvent.join(' ')} run { ${selection} } } } ${fragment}`
  return {
    query,
    variables: {
      ...(resumes && { after }),
      ...(tags && { scope: { filter: { anyTags: tags } } }),
      ...(interval && { interval }),
    },
    isSocket,
  }
}

const everything = {
  query: 'subscription { reportRunEvents(progressInterval: "PT0S") { cursor } }',
  variables: {},
}

type Account = { keys: TestAccount[]; run: ReportRun; log: Stream[] }
type Pair = {
  key: string
  streams: Stream[]
  operations: number
  /** The messages that each operation has sent at least, after a number of changes. */
  minimum: (changes: number) => number
}

function openBoth(key: string, subscription: Subscription, minimum: Pair['minimum']): Pair {
  const streams = [sharing, alone].map((gateway) => open(gateway, key, subscription))
  return { streams, operations: subscription.isSocket ? 2 : 1, minimum, key }
}

/** An account with two keys and a run, and the streams of all its events. */
async function prepare(tags: string[]): Promise<Account & { pair: Pair }> {
  const first = await sharing.createAccount()
  const second = await sharing.createAccount(first)
  const run = await insertRun(sharing.prisma, first, { tags, label: `"é" \u2028 ${'x'.repeat(100)}` })
  const pair = openBoth(first.key, { ...everything, isSocket: true }, (count) => count + 1)
  return { keys: [first, second], run, log: pair.streams, pair }
}

/** The messages of each stream, in the order of each operation: those on one socket have no common order. */
function messagesOf(pairs: readonly Pair[], index: number) {
  const idOf = (message: string): string => /^\{"id":"(.*?)","type/.exec(message)?.[1] ?? ''
  return pairs.map(({ streams }) =>
    (streams[index]?.messages ?? []).toSorted((a, b) => idOf(a).localeCompare(idOf(b))),
  )
}

/** Waits until the streams of both gateways have the same messages. */
function expectEqual(pairs: readonly Pair[]): Promise<void> {
  return vi.waitFor(() => expect(messagesOf(pairs, 0)).toEqual(messagesOf(pairs, 1)), {
    timeout: 20_000,
    interval: 5,
  })
}

/** True for the end of a stream of events, and of a socket with its close code. */
function isEnd(message: string): boolean {
  return /^(end$|\d{4} )/.test(message)
}

/** The number of operations that have not ended, as the client of one gateway sees it. */
function countOpen(pairs: readonly Pair[], index: number): number {
  const open = pairs.map(({ streams, operations }) => {
    const messages = streams[index]?.messages ?? []
    if (messages.some(isEnd)) return 0
    return operations - messages.filter((message) => /"type":"(complete|error)"/.test(message)).length
  })
  return open.reduce((sum, count) => sum + count, 0)
}

/** The gauges of a gateway: its active subscriptions, and those that still read the log. */
async function readGauges({ url }: TestGateway): Promise<number[]> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return ['open_subscriptions', 'catch_up_readers'].map((name) =>
    Number(new RegExp(`^report_gateway_${name} (\\d+)$`, 'm').exec(text)?.[1]),
  )
}

/** Waits until every operation has started and has sent what it must, or has ended. */
async function expectWaiting(pairs: readonly Pair[], count: number): Promise<void> {
  const lacking = pairs.flatMap(({ streams, operations, minimum }) =>
    streams.map(({ messages }) => () => {
      const missing = operations * minimum(count) - messages.length
      return missing > 0 && !messages.some(isEnd) ? [missing, messages] : []
    }),
  )
  await vi.waitFor(() => expect(lacking.flatMap((read) => read())).toEqual([]), {
    timeout: 20_000,
    interval: 5,
  })
  for (const [index, gateway] of [sharing, alone].entries()) {
    const gauges = async () => [...(await readGauges(gateway)), countOpen(pairs, index)]
    await expect
      .poll(gauges, { timeout: 20_000, interval: 5 })
      .toSatisfy(([active, reading, open]) => reading === 0 && active === open)
  }
}

/** Changes the runs of all accounts. A state is that of its delivery, so each change must arrive before the next one. */
async function change(accounts: readonly Account[], [from, to]: (typeof changes)[number]): Promise<void> {
  for (const { run } of accounts) await changeRun(sharing, run, from, to)
}

/** Revokes a key, and waits until all its streams have ended. */
async function revoke(key: TestAccount | undefined, pairs: readonly Pair[]): Promise<void> {
  const where = { id: key?.apiKeyId ?? '' }
  await sharing.prisma.apiKey.updateMany({ where, data: { revokedAt: new Date() } })
  const ended = pairs.filter((pair) => pair.key === key?.key)
  await expect
    .poll(() => [countOpen(ended, 0), countOpen(ended, 1)], { timeout: 20_000, interval: 5 })
    .toEqual([0, 0])
}

function start(one: Generated, accounts: readonly Account[]): Pair {
  const account = accounts[one.account]
  const key = account?.keys[one.key]
  if (!account || !key) throw new Error('The account was not prepared.')
  const cursor = /"cursor":"([^"]+)"/.exec(account.log[0]?.messages[0] ?? '')?.[1] ?? null
  const isInScope = one.tags === undefined || account.run.tags.includes(one.tags[0] ?? '')
  const minimum = (count: number): number => {
    if (one.field === 'log' && !isInScope) return 0
    const all = one.field === 'log' && one.resumes ? count : 1 + count - one.start
    // Progress can be skipped.
    return one.field === 'log' && one.interval === 'PT1S' ? Math.min(all, 1) : all
  }
  return openBoth(key.key, subscriptionOf(one, account.run, cursor), minimum)
}

test('every client receives the same bytes whether equal subscriptions share their messages or not', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(cases, fc.nat(3), async (given, revokeAt) => {
      const accounts = [await prepare(['a']), await prepare(['b'])]
      const pairs = accounts.map(({ pair }) => pair)
      for (const [step, statuses] of changes.entries()) {
        pairs.push(...given.filter((one) => one.start === step).map((one) => start(one, accounts)))
        await expectWaiting(pairs, step)
        if (step === revokeAt) await revoke(accounts[0]?.keys[1], pairs)
        await change(accounts, statuses)
        await expectWaiting(pairs, step + 1)
        await expectEqual(pairs)
      }
      for (const { stop } of pairs.flatMap(({ streams }) => streams)) stop()
      await expectWaiting([], 0)
    }),
    { numRuns: Number(process.env.RUNS ?? 3), endOnFailure: true },
  )
})
