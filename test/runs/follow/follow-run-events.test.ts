import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  startTwoGateways,
  type TestAccount,
  type TestGateway,
  type TwoGateways,
} from '../../support/gateway.ts'
import { createGraphqlClient, type GraphqlClient, type GraphqlResult } from '../../support/graphql-client.ts'
import { createSlowRun, slowReport } from '../../support/slow-report.ts'

// Two gateways on one database: requests go to the first one, and subscriptions to the second.
let gateways: TwoGateways
let first: TestGateway
let second: TestGateway
beforeAll(async () => {
  gateways = await startTwoGateways({ reportTypes: [slowReport], config: { accountConcurrency: 8 } })
  ;({ first, second } = gateways)
})
afterAll(() => gateways[Symbol.asyncDispose]())

type ShownEvent = {
  __typename: string
  cursor: string
  run: { id: string; status: string; version: number } | null
  from?: string | null
  to?: string
  runId?: string
}

const fields = `
  __typename cursor run { id status version }
  ... on ReportRunStatusChanged { from to }
  ... on ReportRunDeleted { runId }`
const subscription = `subscription ($scope: ReportRunScopeInput, $after: EventCursor) {
  reportRunEvents(scope: $scope, after: $after) { ${fields} } }`
const page = `query ($after: EventCursor, $first: Int, $scope: ReportRunScopeInput) {
  reportRunEvents(after: $after, first: $first, scope: $scope) { nodes { ${fields} } eventCursor } }`

function secondClient({ key }: TestAccount): GraphqlClient {
  return createGraphqlClient(second.url, key)
}

function isStatus({ __typename }: ShownEvent): boolean {
  return __typename === 'ReportRunStatusChanged'
}
function described(received: ShownEvent[]): string[] {
  return received.filter(isStatus).map(({ run, to }) => `${run?.id} ${to}`)
}

/** Reads a subscription until `isEnough` accepts the received events. */
async function readUntil(
  stream: AsyncGenerator<GraphqlResult<{ reportRunEvents: ShownEvent }>>,
  isEnough: (received: ShownEvent[]) => boolean,
): Promise<ShownEvent[]> {
  const received: ShownEvent[] = []
  for await (const { data, errors } of stream) {
    if (errors || !data) throw new Error(JSON.stringify(errors))
    received.push(data.reportRunEvents)
    if (isEnough(received)) break
  }
  return received
}

/** Polls the log until `isEnough` accepts the received events. */
async function pollUntil(
  client: GraphqlClient,
  variables: { after: string | null; first?: number; scope?: object },
  isEnough: (received: ShownEvent[]) => boolean,
): Promise<ShownEvent[]> {
  const received: ShownEvent[] = []
  let { after } = variables
  await expect
    .poll(
      async () => {
        const { reportRunEvents: read } = await client.request<{
          reportRunEvents: { nodes: ShownEvent[]; eventCursor: string }
        }>(page, { ...variables, after })
        received.push(...read.nodes)
        after = read.eventCursor
        return isEnough(received)
      },
      { timeout: 30_000, interval: 20 },
    )
    .toBe(true)
  return received
}

function ended(count: number) {
  return (received: ShownEvent[]): boolean => received.filter(({ to }) => to === 'SUCCEEDED').length === count
}

function lifeOf(id: string): string[] {
  return ['PENDING', 'RUNNING', 'SUCCEEDED'].map((status) => `${id} ${status}`)
}

test('a cursor resumes over WebSocket, over SSE and by polling, through another gateway', async () => {
  const account = await first.createAccount()
  const earlier = await createSlowRun(account.client)
  const [start] = await pollUntil(account.client, { after: null }, ended(1))
  const id = await createSlowRun(account.client)
  const expected = [...lifeOf(earlier).slice(1), ...lifeOf(id)]
  const variables = { after: start?.cursor ?? null }
  const client = secondClient(account)
  const [overSocket, overSse, polled] = await Promise.all([
    readUntil(client.subscribe(subscription, variables), ended(2)),
    readUntil(client.subscribeSse(subscription, variables), ended(2)),
    pollUntil(client, { after: variables.after, first: 2 }, ended(2)),
  ])
  expect(described(overSocket)).toEqual(expected)
  expect(described(overSse)).toEqual(expected)
  expect(described(polled)).toEqual(expected)
})

test('a subscription without a cursor starts with the live runs, and continues with new events', async () => {
  const account = await first.createAccount()
  const finished = await createSlowRun(account.client)
  await pollUntil(account.client, { after: null }, ended(1))
  const live = await createSlowRun(account.client, { count_seconds: '30' })
  await pollUntil(account.client, { after: null }, (received) =>
    received.some(({ to, run }) => to === 'RUNNING' && run?.id === live),
  )
  const stream = secondClient(account).subscribe<{ reportRunEvents: ShownEvent }>(subscription)
  const received = await readUntil(stream, (events) => {
    if (events.length === 1) {
      void account.client.request(
        'mutation ($id: ID!) { cancelReportRun(input: { id: $id }) { reportRun { id } } }',
        {
          id: live,
        },
      )
    }
    return events.some(({ to }) => to === 'CANCELED')
  })
  expect(received[0]).toMatchObject({ __typename: 'ReportRunSnapshot', run: { id: live, status: 'RUNNING' } })
  expect(described(received)).toEqual([`${live} CANCELING`, `${live} CANCELED`])
  expect(received.some(({ run }) => run?.id === finished)).toBe(false)
})
