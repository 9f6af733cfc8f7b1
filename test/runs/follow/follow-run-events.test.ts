import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  startTwoGateways,
  type TestAccount,
  type TestGateway,
  type TwoGateways,
} from '../../support/gateway.ts'
import { createGraphqlClient, type GraphqlClient, type GraphqlResult } from '../../support/graphql-client.ts'
import { createSlowRun, slowReport } from '../../support/slow-report.ts'

// Two gateways on one database: what is done through the first is watched through the second.
let gateways: TwoGateways
let first: TestGateway
let second: TestGateway
beforeAll(async () => {
  gateways = await startTwoGateways({ reportTypes: [slowReport], config: { accountConcurrency: 8 } })
  ;({ first, second } = gateways)
})
afterAll(() => gateways[Symbol.asyncDispose]())

type Told = {
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

function elsewhere({ key }: TestAccount): GraphqlClient {
  return createGraphqlClient(second.url, key)
}

function isStatus({ __typename }: Told): boolean {
  return __typename === 'ReportRunStatusChanged'
}
function described(told: Told[]): string[] {
  return told.filter(isStatus).map(({ run, to }) => `${run?.id} ${to}`)
}

/** Reads a subscription until `isEnough` of what was told. */
async function readUntil(
  stream: AsyncGenerator<GraphqlResult<{ reportRunEvents: Told }>>,
  isEnough: (told: Told[]) => boolean,
): Promise<Told[]> {
  const told: Told[] = []
  for await (const { data, errors } of stream) {
    if (errors || !data) throw new Error(JSON.stringify(errors))
    told.push(data.reportRunEvents)
    if (isEnough(told)) break
  }
  return told
}

/** Reads the log by polling until `isEnough`. */
async function pollUntil(
  client: GraphqlClient,
  variables: { after: string | null; first?: number; scope?: object },
  isEnough: (told: Told[]) => boolean,
): Promise<Told[]> {
  const told: Told[] = []
  let { after } = variables
  await expect
    .poll(
      async () => {
        const { reportRunEvents: read } = await client.request<{
          reportRunEvents: { nodes: Told[]; eventCursor: string }
        }>(page, { ...variables, after })
        told.push(...read.nodes)
        after = read.eventCursor
        return isEnough(told)
      },
      { timeout: 30_000, interval: 20 },
    )
    .toBe(true)
  return told
}

function ended(count: number) {
  return (told: Told[]): boolean => told.filter(({ to }) => to === 'SUCCEEDED').length === count
}

function lifeOf(id: string): string[] {
  return ['PENDING', 'RUNNING', 'SUCCEEDED'].map((status) => `${id} ${status}`)
}

test('the cursor of a mutation resumes over WebSocket, over SSE and by polling, through another gateway', async () => {
  const account = await first.createAccount()
  const earlier = await createSlowRun(account.client)
  const [start] = await pollUntil(account.client, { after: null }, ended(1))
  const id = await createSlowRun(account.client)
  const expected = [...lifeOf(earlier).slice(1), ...lifeOf(id)]
  const variables = { after: start?.cursor ?? null }
  const client = elsewhere(account)
  const [overSocket, overSse, polled] = await Promise.all([
    readUntil(client.subscribe(subscription, variables), ended(2)),
    readUntil(client.subscribeSse(subscription, variables), ended(2)),
    pollUntil(client, { after: variables.after, first: 2 }, ended(2)),
  ])
  expect(described(overSocket)).toEqual(expected)
  expect(described(overSse)).toEqual(expected)
  expect(described(polled)).toEqual(expected)
})

test('a subscription without a cursor begins with the live runs, and goes on with what happens', async () => {
  const account = await first.createAccount()
  const over = await createSlowRun(account.client)
  await pollUntil(account.client, { after: null }, ended(1))
  const live = await createSlowRun(account.client, { count_seconds: '30' })
  await pollUntil(account.client, { after: null }, (told) =>
    told.some(({ to, run }) => to === 'RUNNING' && run?.id === live),
  )
  const stream = elsewhere(account).subscribe<{ reportRunEvents: Told }>(subscription)
  const told = await readUntil(stream, (so) => {
    if (so.length === 1) {
      void account.client.request(
        'mutation ($id: ID!) { cancelReportRun(input: { id: $id }) { reportRun { id } } }',
        {
          id: live,
        },
      )
    }
    return so.some(({ to }) => to === 'CANCELED')
  })
  expect(told[0]).toMatchObject({ __typename: 'ReportRunSnapshot', run: { id: live, status: 'RUNNING' } })
  expect(described(told)).toEqual([`${live} CANCELING`, `${live} CANCELED`])
  expect(told.some(({ run }) => run?.id === over)).toBe(false)
})
