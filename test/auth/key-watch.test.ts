import { MessageType } from 'graphql-ws'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { openEventStream, waitForEvents } from '../support/event-stream.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { insertRun } from '../support/insert-run.ts'
import { noteStatements } from '../support/sent-statements.ts'
import { openWire, type Wire } from '../support/wire.ts'

// The gateway must notice an inactive key within this time.
const noticed = { timeout: 5_000, interval: 10 }
const ended = 'The API key has been revoked or has expired. Connect again with an active key.'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway({ config: { role: 'gateway' } })
})
afterAll(() => gateway[Symbol.asyncDispose]())

const watchRun = 'subscription ($id: ID!) { reportRun(id: $id) { status } }'
const watchLog = 'subscription { reportRunEvents { run { id } } }'

async function connect(key: string | null): Promise<Wire> {
  const wire = await openWire(gateway.url)
  const payload = key === null ? {} : { authorization: `Bearer ${key}` }
  wire.send({ type: MessageType.ConnectionInit, payload })
  expect(await wire.receive()).toEqual({ type: MessageType.ConnectionAck })
  return wire
}

function revoke({ apiKeyId }: TestAccount): Promise<unknown> {
  return gateway.prisma.apiKey.update({ where: { id: apiKeyId }, data: { revokedAt: new Date() } })
}
function expire({ apiKeyId }: TestAccount): Promise<unknown> {
  return gateway.prisma.apiKey.update({
    where: { id: apiKeyId },
    data: { expiresAt: new Date(Date.now() + 100) },
  })
}
function deleteKey({ apiKeyId }: TestAccount): Promise<unknown> {
  return gateway.prisma.apiKey.delete({ where: { id: apiKeyId } })
}

/** Returns the value of a promise, and fails when it does not resolve within five seconds. */
async function soon<Value>(promise: Promise<Value>): Promise<Value> {
  let value: { is: Value } | null = null
  void promise.then((is) => {
    value = { is }
  })
  return vi.waitFor(() => {
    if (value === null) throw new Error('The promise did not resolve within five seconds.')
    return value.is
  }, noticed)
}

/** Fails unless the socket still answers. */
async function expectOpen({ send, receive }: Wire): Promise<void> {
  send({ type: MessageType.Ping })
  expect(await receive()).toEqual({ type: MessageType.Pong })
}

test.each([
  ['is revoked', revoke],
  ['expires', expire],
])('a key that %s ends its WebSockets with 4401, and no others', async (_what, end) => {
  const [account, other] = [await gateway.createAccount(), await gateway.createAccount()]
  const { accountId } = account
  const sibling = await gateway.createAccount({ accountId })
  const run = await insertRun(gateway.prisma, account)
  const wires = [await connect(account.key), await connect(account.key)]
  const untouched = [await connect(other.key), await connect(sibling.key)]
  for (const { send, receive } of wires) {
    send({ id: '1', type: MessageType.Subscribe, payload: { query: watchRun, variables: { id: run.id } } })
    expect(await receive()).toMatchObject({ type: MessageType.Next })
  }
  await end(account)
  for (const { closed } of wires) {
    const { code, reason } = await soon(closed)
    expect([code, reason]).toEqual([4401, ended])
    expect(reason).not.toContain(account.key)
  }
  for (const wire of untouched) await expectOpen(wire)
})

test.each([
  ['is revoked', revoke],
  ['expires', expire],
  ['is deleted', deleteKey],
])('a key that %s ends its event streams with an error, and no others', async (_what, end) => {
  const account = await gateway.createAccount()
  const sibling = await gateway.createAccount({ accountId: account.accountId })
  const run = await insertRun(gateway.prisma, sibling)
  const streams = await Promise.all([
    openEventStream(gateway.url, account.key, watchRun, { id: run.id }),
    openEventStream(gateway.url, account.key, watchLog),
  ])
  const untouched = await openEventStream(gateway.url, sibling.key, watchLog)
  for (const stream of [...streams, untouched]) await waitForEvents(stream, 1)
  await end(account)
  for (const { events, ended: isOver } of streams) {
    expect(await soon(isOver)).toBe(true)
    expect(events.slice(1)).toEqual([
      {
        event: 'next',
        data: {
          errors: [expect.objectContaining({ message: ended, extensions: { code: 'UNAUTHENTICATED' } })],
        },
      },
      { event: 'complete', data: null },
    ])
    expect(JSON.stringify(events)).not.toContain(account.key)
  }
})

test('on a socket with one key per operation, only operations of the revoked key end', async () => {
  const [account, other] = [await gateway.createAccount(), await gateway.createAccount()]
  const wire = await connect(null)
  for (const [id, { key }] of Object.entries({ ends: account, stays: other })) {
    const run = await insertRun(gateway.prisma, id === 'ends' ? account : other)
    const payload = {
      query: watchRun,
      variables: { id: run.id },
      extensions: { headers: { Authorization: `Bearer ${key}` } },
    }
    wire.send({ id, type: MessageType.Subscribe, payload })
    expect(await wire.receive()).toMatchObject({ id, type: MessageType.Next })
  }
  await revoke(account)
  expect(await wire.receive()).toEqual({
    id: 'ends',
    type: MessageType.Error,
    payload: [expect.objectContaining({ message: ended, extensions: { code: 'UNAUTHENTICATED' } })],
  })
  await expectOpen(wire)
})

test('one query checks the keys of all connections', async () => {
  const accounts = await Promise.all(Array.from({ length: 5 }, () => gateway.createAccount()))
  const countChecks = async (): Promise<number> => {
    using sent = noteStatements()
    const checks = () =>
      sent.statements().filter(({ text }) => /^select.*api_keys.*revoked_at.* is null/i.test(text))
    await vi.waitFor(() => expect(checks().length).toBeGreaterThan(0), noticed)
    expect(checks()[0]?.values).toEqual(expect.arrayContaining(accounts.map(({ apiKeyId }) => apiKeyId)))
    // Queries that arrive together belong to one check.
    return checks().length
  }
  for (let i = 0; i < 3; i++) for (const { key } of accounts) await connect(key)
  const streams = accounts.map(({ key }) => openEventStream(gateway.url, key, watchLog))
  for (const stream of await Promise.all(streams)) expect(stream.status).toBe(200)
  expect(await countChecks()).toBe(1)
})

test('the gateway logs no warning or error', () => {
  expect(gateway.logged.filter(({ level }) => Number(level) >= 40)).toEqual([])
})
