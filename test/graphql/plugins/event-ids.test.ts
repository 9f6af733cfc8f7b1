import { afterAll, beforeAll, expect, test } from 'vitest'
import { type EventStream, openEventStream, waitForEvents } from '../../support/event-stream.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'

let gateway: TestGateway
let account: TestAccount
/** The cursors of the events in the log, in order. */
let cursors: string[]
beforeAll(async () => {
  gateway = await startTestGateway({ config: { role: 'gateway' } })
  account = await gateway.createAccount()
  for (let i = 0; i < 3; i++) await createRun()
  const { reportRunEvents } = await account.client.request<{
    reportRunEvents: { edges: { cursor: string }[] }
  }>('{ reportRunEvents { edges { cursor } } }')
  cursors = reportRunEvents.edges.map(({ cursor }) => cursor)
  expect(cursors).toHaveLength(3)
})
afterAll(() => gateway[Symbol.asyncDispose]())

async function createRun(): Promise<string> {
  const input = {
    report: { balanceSummary1: { interval: { relative: 'PREVIOUS_MONTH' } } },
    waitForData: true,
  }
  const { createReportRun } = await account.client.request<{
    createReportRun: { reportRun: { id: string } }
  }>('mutation ($input: CreateReportRunInput!) { createReportRun(input: $input) { reportRun { id } } }', {
    input,
  })
  return createReportRun.reportRun.id
}

const events = 'subscription ($after: EventCursor) { reportRunEvents(after: $after) { __typename } }'

function open(query: string, variables: object, headers: Record<string, string> = {}): Promise<EventStream> {
  return openEventStream(gateway.url, account.key, query, { ...variables }, headers)
}

function idsOf({ events }: EventStream): (string | undefined)[] {
  return events.map(({ id }) => id)
}

function messageOf({ events }: EventStream): unknown {
  return events[0]?.data?.errors?.[0]
}

test('each event has its cursor as its ID, whatever the document selects', async () => {
  const stream = await open(events, { after: cursors[0] })
  await waitForEvents(stream, 2)
  expect(idsOf(stream)).toEqual(cursors.slice(1))
  expect(stream.events[0]?.data).toEqual({
    data: { reportRunEvents: { __typename: 'ReportRunStatusChanged' } },
  })
})

test('a stream without a cursor has the IDs of its snapshots, after which it resumes', async () => {
  const stream = await open(events, {})
  await waitForEvents(stream, 3)
  const [first] = idsOf(stream)
  const resumed = await open(events, {}, { 'Last-Event-ID': String(first) })
  await waitForEvents(resumed, 2)
  expect(idsOf(resumed)).toEqual(idsOf(stream).slice(1))
})

test('Last-Event-ID resumes a stream, and wins over the cursor of the first request', async () => {
  for (const after of [undefined, cursors[0]]) {
    const stream = await open(events, { after }, { 'Last-Event-ID': String(cursors[1]) })
    await waitForEvents(stream, 1)
    expect(idsOf(stream)).toEqual([cursors[2]])
  }
})

test('an empty Last-Event-ID is none', async () => {
  const stream = await open(events, { after: cursors[1] }, { 'Last-Event-ID': '' })
  await waitForEvents(stream, 1)
  expect(idsOf(stream)).toEqual([cursors[2]])
})

test('a Last-Event-ID that is not a cursor of the account is refused with a sentence', async () => {
  for (const id of ['17', Buffer.from('test:acct_other:1').toString('base64url')]) {
    const stream = await open(events, { after: cursors[0] }, { 'Last-Event-ID': id })
    await stream.ended
    expect(messageOf(stream)).toMatchObject({
      message: expect.stringMatching(
        /^Last-Event-ID: ".+" is not an event cursor of this account and mode\./,
      ),
      extensions: { code: 'BAD_USER_INPUT' },
    })
  }
})

test('a subscription whose events have no cursor has no IDs, and ignores Last-Event-ID', async () => {
  const id = await createRun()
  const query = 'subscription ($id: ID!) { reportRun(id: $id) { id } }'
  const stream = await open(query, { id }, { 'Last-Event-ID': '17' })
  await waitForEvents(stream, 1)
  expect(stream.events).toEqual([{ event: 'next', data: { data: { reportRun: { id } } } }])
})
