import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { idPrefixes, newId } from '../../src/ids.ts'
import type { ReportRun } from '../../src/postgres/generated/prisma/client.ts'
import { builtInReportTypes } from '../../src/reports/catalog.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { insertRun, runRow } from '../support/insert-run.ts'
import {
  anyPages,
  argumentsFor,
  askedPage,
  type Chosen,
  expectedPage,
  type ListModel,
  type PageInfo,
} from '../support/list-model.ts'
import type { ListFilter, ListOrder } from '../support/run-list.ts'
import { anyFilter, anyOrder, compareRuns, keepsRun, runFields } from '../support/run-list-model.ts'
import { noteStatements } from '../support/sent-statements.ts'

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway({ config: { role: 'gateway' }, reportTypes: builtInReportTypes })
})
afterAll(() => gateway[Symbol.asyncDispose]())
beforeEach(async () => {
  account = await gateway.createAccount()
})

type Connection = {
  totalCount: number
  nodes: { id: string }[]
  edges: { cursor: string; node: { id: string } }[]
  pageInfo: PageInfo
}

const pageInfo = 'pageInfo { startCursor endCursor hasNextPage hasPreviousPage }'
const selection = `{ totalCount nodes { id } edges { cursor node { id } } ${pageInfo} }`
const declared = '$first: Int, $after: String, $last: Int, $before: String'
const given = 'first: $first, after: $after, last: $last, before: $before'

/** Documents that request a page of each list that is paged in both directions. */
const documents = {
  reportRuns: `query (${declared}, $filter: ReportRunFilterInput, $orderBy: ReportRunOrderInput) {
    list: reportRuns(${given}, filter: $filter, orderBy: $orderBy) ${selection} }`,
  retries: `query (${declared}, $id: ID!) { owner: reportRun(id: $id) { list: retries(${given}) ${selection} } }`,
  'schedule.runs': `query (${declared}, $id: ID!) {
    owner: reportSchedule(id: $id) { list: runs(${given}) ${selection} } }`,
  reportSchedules: `query (${declared}) { list: reportSchedules(${given}) ${selection} }`,
  reportTypes: `query (${declared}) { list: reportTypes(${given}) ${selection} }`,
}

async function readList(document: string, variables: object): Promise<Connection> {
  const data = await account.client.request<{ list?: Connection; owner?: { list: Connection } }>(document, {
    ...variables,
  })
  const list = data.list ?? data.owner?.list
  if (!list) throw new Error('The list has no owner.')
  return list
}

function cursorsOf({ edges }: Connection): Map<string, string> {
  return new Map(edges.map(({ node, cursor }) => [node.id, cursor]))
}

/** Compares pages of a list with those of its model, concurrently. */
async function comparePages(
  { document, variables = {}, defaultSize }: { document: string; variables?: object; defaultSize: number },
  model: ListModel,
  pages: Chosen,
): Promise<void> {
  const compare = async (page: Chosen[number]): Promise<void> => {
    const asked = askedPage(model, page)
    const shown = await readList(document, { ...variables, ...argumentsFor(model, asked) })
    const { ids, ...sides } = expectedPage(model, asked, defaultSize)
    expect(shown.nodes.map(({ id }) => id)).toEqual(ids)
    expect(shown.edges.map(({ node }) => node.id)).toEqual(ids)
    for (const { cursor, node } of shown.edges) expect(cursor).toBe(model.cursors.get(node.id) ?? cursor)
    const [startCursor, endCursor] = [shown.edges[0]?.cursor ?? null, shown.edges.at(-1)?.cursor ?? null]
    expect(shown.pageInfo).toEqual({ ...sides, startCursor, endCursor })
    expect(shown.totalCount).toBe(model.left.size)
  }
  await Promise.all(pages.map(compare))
}

const newestFirst: ListOrder = { field: 'CREATED_AT', direction: 'DESC' }

function insertRuns(
  runs: readonly (typeof runFields extends fc.Arbitrary<infer Value> ? Value : never)[],
  owner: Partial<ReportRun>,
) {
  const { retryOfId, scheduleId } = owner
  return gateway.prisma.reportRun.createMany({
    data: runs.map((run) =>
      runRow(account, { ...run, ...(retryOfId && { retryOfId }), ...(scheduleId && { scheduleId }) }),
    ),
  })
}

function scheduleRow(createdAt: Date) {
  return {
    id: newId(idPrefixes.reportSchedule, createdAt),
    accountId: account.accountId,
    livemode: account.livemode,
    reportType: 'balance.summary.1',
    parameters: {},
    formats: ['CSV' as const],
    compression: 'NONE' as const,
    retentionMilliseconds: 1000n,
    dataPeriod: 'P1D',
    isActive: false,
    createdAt,
    requestedById: account.apiKeyId,
  }
}

/** The runs of one owner, and the document that lists them. */
type RunList = {
  document: string
  variables: { filter?: ListFilter; orderBy?: ListOrder; id?: string }
  owner: { retryOfId?: string; scheduleId?: string }
}

const runLists: Record<string, (filter: ListFilter, orderBy: ListOrder) => Promise<RunList>> = {
  reportRuns: async (filter, orderBy) => ({
    document: documents.reportRuns,
    variables: { filter, orderBy },
    owner: {},
  }),
  retries: async () => {
    const { id } = await insertRun(gateway.prisma, account)
    return { document: documents.retries, variables: { id }, owner: { retryOfId: id } }
  },
  'schedule.runs': async () => {
    const { id } = await gateway.prisma.reportSchedule.create({ data: scheduleRow(new Date()) })
    return { document: documents['schedule.runs'], variables: { id }, owner: { scheduleId: id } }
  },
}

/** The items to delete, by their positions. */
const deletions = fc.array(fc.nat(), { maxLength: 5 })
function chosenOf(ids: readonly string[], positions: readonly number[]): string[] {
  return positions.flatMap((position) => ids[position % ids.length] ?? [])
}

describe('pages are those of the model while items are added and deleted:', () => {
  test.each([
    ['reportRuns', 20],
    ['retries', 6],
    ['schedule.runs', 6],
  ])('%s', async (name, numRuns) => {
    const scenario = fc.record({
      runs: fc.array(runFields, { maxLength: 12 }),
      later: fc.array(runFields, { maxLength: 4 }),
      erased: deletions,
      order: anyOrder,
      filter: fc.oneof(fc.constant({}), anyFilter),
      pages: anyPages,
    })
    await fc.assert(
      fc.asyncProperty(scenario, async ({ runs, later, erased, order, filter, pages }) => {
        account = await gateway.createAccount()
        const { prisma } = gateway
        const listed = await runLists[name]?.(filter, order)
        if (!listed) throw new Error(`There is no list ${name}.`)
        const { document, variables, owner } = listed
        await insertRuns(runs, owner)
        const cursors = cursorsOf(await readList(document, { ...variables, first: 100 }))
        await insertRuns(later, owner)
        const where = { accountId: account.accountId, ...owner }
        const rows = await prisma.reportRun.findMany({ where, orderBy: { id: 'asc' } })
        const gone = new Set(
          chosenOf(
            rows.map(({ id }) => id),
            erased,
          ),
        )
        await prisma.reportRun.updateMany({
          where: { id: { in: [...gone] } },
          data: { deletedAt: new Date() },
        })
        const kept = rows.filter(keepsRun(variables.filter ?? {}))
        const all = kept.sort(compareRuns(variables.orderBy ?? newestFirst)).map(({ id }) => id)
        const left = new Set(all.filter((id) => !gone.has(id)))
        await comparePages({ document, variables, defaultSize: 20 }, { all, left, cursors }, pages)
      }),
      { numRuns },
    )
  })

  test('reportSchedules', async () => {
    const count = fc.nat({ max: 8 })
    await fc.assert(
      fc.asyncProperty(count, count, deletions, anyPages, async (before, later, erased, pages) => {
        account = await gateway.createAccount()
        const insert = async (size: number) => {
          const data = Array.from({ length: size }, () => scheduleRow(new Date()))
          await gateway.prisma.reportSchedule.createMany({ data })
          return data.map(({ id }) => id)
        }
        const document = documents.reportSchedules
        const first = await insert(before)
        const cursors = cursorsOf(await readList(document, { first: 100 }))
        const all = [...first, ...(await insert(later))].toSorted().toReversed()
        const gone = new Set(chosenOf(all, erased))
        await gateway.prisma.reportSchedule.deleteMany({ where: { id: { in: [...gone] } } })
        const left = new Set(all.filter((id) => !gone.has(id)))
        await comparePages({ document, defaultSize: 20 }, { all, left, cursors }, pages)
      }),
      { numRuns: 8 },
    )
  })

  test('reportTypes', async () => {
    const document = documents.reportTypes
    const all = builtInReportTypes.map(({ name }) => name)
    const cursors = cursorsOf(await readList(document, { first: 100 }))
    expect([...cursors.keys()]).toEqual(all)
    const check = (pages: Chosen) =>
      comparePages({ document, defaultSize: 50 }, { all, left: new Set(all), cursors }, pages)
    await fc.assert(fc.asyncProperty(anyPages, check), { numRuns: 8 })
  })
})

describe('an error names the bad argument:', () => {
  const sizes = (maximum: number) => [0, -1, maximum + 1]
  const refused = async (document: string, variables: object): Promise<unknown> => {
    const { errors } = await account.client.execute(document, { ...variables })
    const [{ extensions } = {}] = errors ?? []
    return [extensions?.code, extensions?.argument]
  }

  test.each(Object.entries(documents))('%s', async (_name, document) => {
    const run = await insertRun(gateway.prisma, account)
    const schedule = await gateway.prisma.reportSchedule.create({ data: scheduleRow(new Date()) })
    const id = document.includes('reportSchedule(') ? schedule.id : run.id
    const foreign = await Promise.all(
      (['reportRuns', 'reportSchedules', 'reportTypes'] as const)
        .filter(
          (name) => document !== documents[name] && !(name === 'reportRuns' && document.includes('$id')),
        )
        .map(async (name) => (await readList(documents[name], { first: 1 })).pageInfo.endCursor),
    )
    const bad: [string, object][] = [
      ...sizes(100).flatMap((size): [string, object][] => [
        ['first', { first: size }],
        ['last', { last: size }],
      ]),
      ['last', { first: 1, last: 1 }],
      ...['', 'nonsense', ...foreign].flatMap((cursor): [string, object][] => [
        ['after', { after: cursor }],
        ['before', { before: cursor }],
      ]),
    ]
    for (const [argument, page] of bad) {
      expect([page, await refused(document, { id, ...page })]).toEqual([page, ['BAD_USER_INPUT', argument]])
    }
  })
})

test('the database is asked for items beside a page only when the field is selected', async () => {
  await gateway.prisma.reportRun.createMany({ data: Array.from({ length: 5 }, () => runRow(account)) })
  const { pageInfo: middle } = await readList(documents.reportRuns, { first: 2 })
  using sent = noteStatements()
  const count = async (fields: string): Promise<number> => {
    const reads = () =>
      sent
        .statements()
        .filter(({ text, values }) => text.includes('report_runs') && values.includes(account.accountId))
    const before = reads().length
    await account.client.request(
      `query ($after: String) { reportRuns(first: 2, after: $after) { nodes { id } pageInfo { ${fields} } } }`,
      { after: middle.endCursor },
    )
    return reads().length - before
  }
  expect(await count('startCursor endCursor')).toBe(1)
  expect(await count('hasNextPage')).toBe(1)
  expect(await count('hasPreviousPage')).toBe(2)
})

test('a report type can be read by its name', async () => {
  const data = await account.client.request(
    '{ reportType(name: "balance.summary.1") { id } none: reportType(name: "balance.summary.0") { id } }',
  )
  expect(data).toEqual({ reportType: { id: 'balance.summary.1' }, none: null })
})
