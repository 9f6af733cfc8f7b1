import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestGateway, type TestAccount, type TestGateway } from '../../../support/gateway.ts'
import { insertRun } from '../../../support/insert-run.ts'
import {
  argumentsFor,
  askedPage,
  type Chosen,
  forwardPages,
  type PageInfo,
} from '../../../support/list-model.ts'

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway({ config: { role: 'gateway' } })
  account = await gateway.createAccount()
})
afterAll(() => gateway[Symbol.asyncDispose]())

const pageInfo = 'pageInfo { startCursor endCursor hasNextPage hasPreviousPage }'
type EventPage = {
  edges: { cursor: string; node: { cursor: string } }[]
  nodes: { cursor: string }[]
  pageInfo: PageInfo
  eventCursor: string
}

const eventSelection = `{ edges { cursor node { cursor } } nodes { cursor } ${pageInfo} eventCursor }`
const logDocument = `query ($first: Int, $after: EventCursor, $scope: ReportRunScopeInput) {
  list: reportRunEvents(first: $first, after: $after, scope: $scope) ${eventSelection} }`
const eventsDocument = `query ($first: Int, $after: EventCursor, $id: ID!) {
  owner: reportRun(id: $id) { list: events(first: $first, after: $after) ${eventSelection} } }`

/** Compares pages of the event log of an account, whose oldest events are pruned, with those of a model. */
async function compareEvents({
  events,
  pruned,
  scope,
  pages,
}: {
  events: number[]
  pruned: number
  scope: 'all' | 'id' | 'filter' | 'run'
  pages: Chosen
}): Promise<void> {
  account = await gateway.createAccount()
  const { accountId, livemode } = account
  const runs = await Promise.all([['a'], [], []].map((tags) => insertRun(gateway.prisma, account, { tags })))
  const id = runs[0]?.id ?? ''
  await gateway.prisma.eventLogHead.create({
    data: { accountId, livemode, position: BigInt(events.length) },
  })
  await gateway.prisma.reportRunEvent.createMany({
    data: events.map((run, index) => ({
      accountId,
      livemode,
      position: BigInt(index + 1),
      runId: runs[run]?.id ?? '',
      runVersion: 1,
      kind: 'STATUS_CHANGED' as const,
      toStatus: 'RUNNING' as const,
      occurredAt: new Date(),
    })),
  })
  const read = async (document: string, variables: object): Promise<EventPage> => {
    const data = await account.client.request<{ list?: EventPage; owner?: { list: EventPage } }>(document, {
      ...variables,
    })
    const page = data.list ?? data.owner?.list
    if (!page) throw new Error('The run is gone.')
    return page
  }
  // An event is known by its cursor.
  const log = (await read(logDocument, { first: 100 })).edges.map(({ cursor }) => cursor)
  expect(log).toHaveLength(events.length)
  await gateway.prisma.reportRunEvent.deleteMany({ where: { accountId, position: { lte: BigInt(pruned) } } })
  const all = log.filter((_, index) => scope === 'all' || events[index] === 0)
  const left = new Set(all.filter((cursor) => log.indexOf(cursor) >= pruned))
  // Nothing is pruned after these.
  const cursors = new Map(log.slice(Math.max(0, pruned - 1)).map((cursor) => [cursor, cursor]))
  const scopes = { all: null, id: { id }, filter: { filter: { anyTags: ['a'] } }, run: null }
  const document = scope === 'run' ? eventsDocument : logDocument
  const variables = scope === 'run' ? { id } : { scope: scopes[scope] }

  const compare = async (page: Chosen[number]): Promise<void> => {
    const asked = askedPage({ cursors }, page)
    const shown = await read(document, { ...variables, ...argumentsFor({ cursors }, asked) })
    // A cursor is a position between events, also between those of other runs.
    const start = asked.after === null ? -1 : log.indexOf(asked.after)
    const following = [...left].filter((cursor) => log.indexOf(cursor) > start)
    const expected = following.slice(0, asked.size.first ?? (scope === 'run' ? 50 : 100))
    expect(shown.nodes.map(({ cursor }) => cursor)).toEqual(expected)
    expect(shown.edges).toEqual(expected.map((cursor) => ({ cursor, node: { cursor } })))
    expect(shown.pageInfo).toMatchObject({
      startCursor: expected[0] ?? null,
      endCursor: expected.at(-1) ?? null,
    })
    const sides = {
      hasNextPage: following.length > expected.length,
      hasPreviousPage: [...left].some((cursor) => log.indexOf(cursor) <= start),
    }
    expect(shown.pageInfo.hasNextPage).toBe(sides.hasNextPage)
    // With a filter, this side can report events although none of them matches.
    if (scope !== 'filter') expect(shown.pageInfo.hasPreviousPage).toBe(sides.hasPreviousPage)
    else if (sides.hasPreviousPage) expect(shown.pageInfo.hasPreviousPage).toBe(true)
    const rest = await read(document, { ...variables, first: 100, after: shown.eventCursor })
    expect(rest.nodes.map(({ cursor }) => cursor)).toEqual(following.slice(expected.length))
  }
  await Promise.all(pages.map(compare))
}

test('pages are those of the model after pruning', async () => {
  const scenario = fc.record({
    // The run of each event. The first run has the tag.
    events: fc.array(fc.nat({ max: 2 }), { maxLength: 12 }),
    pruned: fc.nat({ max: 4 }),
    scope: fc.constantFrom('all', 'id', 'filter', 'run'),
    pages: forwardPages,
  })
  await fc.assert(fc.asyncProperty(scenario, compareEvents), { numRuns: 20 })
})

test.each([
  ['first', { first: 0 }],
  ['first', { first: -1 }],
  ['first', { first: 501 }],
  ['after', { after: '' }],
  ['after', { after: 'nonsense' }],
])('%s is refused in %j', async (argument, page) => {
  const { id } = await insertRun(gateway.prisma, account)
  for (const document of [logDocument, eventsDocument]) {
    const { errors } = await account.client.execute(document, { id, ...page })
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', argument } }])
  }
})

test.each([
  [
    'progressInterval',
    'subscription { reportRunEvents(progressInterval: "P1M") { cursor } }',
    'progressInterval is P1M. Years and months are not allowed, because their length varies. Use a duration from PT0S to P1D.',
  ],
  [
    'filter',
    '{ reportRuns(filter: { finishedAt: { start: "2026-02-01T00:00:00Z", end: "2026-01-01T00:00:00Z" } }) { totalCount } }',
    'filter.finishedAt is reversed: it starts at 2026-02-01T00:00:00.000Z and ends at 2026-01-01T00:00:00.000Z. Use an end that is later than the start.',
  ],
])('an error for %s names the argument and the value', async (argument, document, message) => {
  const { errors } = await account.client.execute(document)
  expect(errors).toMatchObject([{ message, extensions: { code: 'BAD_USER_INPUT', argument } }])
})
