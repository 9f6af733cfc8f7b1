import { setTimeout as delay } from 'node:timers/promises'
import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestGateway, type TestGateway } from '../../support/gateway.ts'
import { type OwnPostgres, startOwnPostgres } from '../../support/own-postgres.ts'
import { createSlowRun, slowReport } from '../../support/slow-report.ts'

// On a separate Postgres, which is stopped and started.
let postgres: OwnPostgres
let gateway: TestGateway
beforeAll(async () => {
  postgres = await startOwnPostgres()
  gateway = await startTestGateway({
    database: postgres.database,
    reportTypes: [slowReport],
    config: {
      sockets: {
        perKey: 10,
        operations: 10,
        subscriptionsPerKey: 10_000,
        messageBytes: 65_536,
        handshakeSeconds: 3,
        slowReaderSeconds: 30,
      },
    },
  })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await postgres[Symbol.asyncDispose]()
})

const query = 'subscription { reportRunEvents { __typename run { id status } } }'
function endpoint(): string {
  return `${gateway.url}/graphql`.replace('http', 'ws')
}

test('a subscription that is rejected with 406 does not count as a connection of its key', async () => {
  const { key, client } = await gateway.createAccount()
  for (let i = 0; i < 12; i++) {
    const answer = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        accept: 'application/json',
      },
      body: JSON.stringify({ query }),
    })
    await answer.text()
    expect(answer.status).toBe(406)
  }
  const stream = client.subscribeSse<{ reportRunEvents: { run: { status: string } } }>(query)
  const first = stream.next()
  await createSlowRun(client)
  expect((await first).value).toMatchObject({ data: { reportRunEvents: { run: {} } } })
  await stream.return(undefined)
})

test('clients that connect or subscribe during an outage of Postgres try again and succeed', async () => {
  const { key, client } = await gateway.createAccount()
  const codes: number[] = []
  const socket = createClient({
    url: endpoint(),
    connectionParams: { authorization: `Bearer ${key}` },
    retryAttempts: 100,
    // A realistic delay, on which the test does not depend.
    retryWait: () => delay(100),
    shouldRetry: () => true,
    on: { closed: (event) => codes.push((event as CloseEvent).code) },
  })
  // This client is already connected and subscribes during the outage.
  const early = createClient({
    url: endpoint(),
    connectionParams: { authorization: `Bearer ${key}` },
    lazy: false,
    retryAttempts: 0,
  })
  await new Promise((resolve) => early.on('connected', resolve))
  await postgres.stop()
  const streams = [socket.iterate({ query }), early.iterate({ query })]
  const first = streams.map((stream) => stream.next())
  await expect.poll(() => codes.length).toBeGreaterThan(0)
  await postgres.start()
  await expect.poll(async () => (await fetch(`${gateway.url}/ready`)).status).toBe(200)
  // A client that has connected by then receives the event, and a later one a snapshot.
  await createSlowRun(client, { count_seconds: '1' })
  for (const told of await Promise.all(first)) {
    expect(told.value).toMatchObject({ data: { reportRunEvents: { run: {} } } })
  }
  expect(new Set(codes)).toEqual(new Set([1013]))
  await Promise.all([socket.dispose(), early.dispose()])
}, 60_000)
