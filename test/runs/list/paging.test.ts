import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import { insertRun, runRow } from '../../support/insert-run.ts'
import {
  type ListFilter,
  type ListOrder,
  listPage,
  orderFields,
  type Page,
  type PageArguments,
} from '../../support/run-list.ts'
import { anyFilter, anyOrder, compareRuns, keepsRun, runFields } from '../../support/run-list-model.ts'

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())
beforeEach(async () => {
  account = await gateway.createAccount()
})

function list(page: PageArguments, filter?: ListFilter, order?: ListOrder): Promise<Page> {
  return listPage(account.client, page, filter, order)
}

const change = fc.oneof(
  fc.record({ kind: fc.constant('insert' as const), run: runFields }),
  fc.record({ kind: fc.constant('delete' as const), which: fc.nat() }),
  fc.record({ kind: fc.constant('update' as const), which: fc.nat(), run: runFields }),
  // The run that the last cursor points at.
  fc.record({ kind: fc.constant('delete last seen' as const) }),
)
type Change = typeof change extends fc.Arbitrary<infer Value> ? Value : never

const walk = fc.record({
  runs: fc.array(runFields, { minLength: 5, maxLength: 30 }),
  order: anyOrder,
  filter: anyFilter,
  isForward: fc.boolean(),
  sizes: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
  changes: fc.array(fc.option(change, { freq: 3 }), { maxLength: 15 }),
})

/** Applies a change; returns the id of the existing run that it changed or deleted, or null. */
async function applyChange(made: Change, lastSeen: string | undefined): Promise<string | null> {
  const { prisma } = gateway
  const mine = { accountId: account.accountId }
  if (made.kind === 'insert') {
    await insertRun(prisma, account, made.run)
    return null
  }
  const runs = await prisma.reportRun.findMany({ where: mine, select: { id: true }, orderBy: { id: 'asc' } })
  const id = made.kind === 'delete last seen' ? lastSeen : runs[made.which % runs.length]?.id
  if (!id) return null
  if (made.kind === 'update') {
    const { createdAt, ...rest } = made.run
    await prisma.reportRun.updateMany({ where: { ...mine, id }, data: rest })
  } else {
    await prisma.reportRun.deleteMany({ where: { ...mine, id } })
  }
  return id
}

type Walk = typeof walk extends fc.Arbitrary<infer Value> ? Value : never

/** Reads the next page in the direction of the walk: its ids, its last id, and the next cursor, null at the end of the list. */
async function step({ order, filter, isForward }: Walk, size: number, cursor: string | null) {
  if (isForward) {
    const { edges, pageInfo } = await list({ first: size, ...(cursor && { after: cursor }) }, filter, order)
    const ids = edges.map(({ node }) => node.id)
    return { ids, last: ids.at(-1), next: pageInfo.hasNextPage ? pageInfo.endCursor : null }
  }
  const { edges, pageInfo } = await list({ last: size, ...(cursor && { before: cursor }) }, filter, order)
  const ids = edges.map(({ node }) => node.id)
  return { ids, last: ids[0], next: pageInfo.hasPreviousPage ? pageInfo.startCursor : null }
}

/** Pages through the whole list, with a change after each page. */
async function walkThrough(chosen: Walk): Promise<{ seen: string[]; touched: Set<string> }> {
  const { isForward, sizes, changes } = chosen
  const touched = new Set<string>()
  let seen: string[] = []
  let cursor: string | null = null
  let turn = 0
  do {
    const size = sizes[turn % sizes.length] ?? 1
    const { ids, last, next } = await step(chosen, size, cursor)
    expect(ids.length).toBeLessThanOrEqual(size)
    seen = isForward ? [...seen, ...ids] : [...ids, ...seen]
    const made = changes[turn++]
    const changed = made && (await applyChange(made, last))
    if (changed) touched.add(changed)
    cursor = next
  } while (cursor !== null)
  return { seen, touched }
}

test('paging returns every unchanged run once and in order, while others are created, changed and deleted', async () => {
  const check = async (chosen: Walk): Promise<void> => {
    account = await gateway.createAccount()
    await gateway.prisma.reportRun.createMany({ data: chosen.runs.map((run) => runRow(account, run)) })
    const before = await gateway.prisma.reportRun.findMany({ where: { accountId: account.accountId } })
    const { seen, touched } = await walkThrough(chosen)

    const { order, filter } = chosen
    const untouched = before.filter(({ id }) => !touched.has(id))
    const expected = untouched.filter(keepsRun(filter)).sort(compareRuns(order))
    const isExpected = new Set(untouched.map(({ id }) => id))
    expect(seen.filter((id) => isExpected.has(id))).toEqual(expected.map(({ id }) => id))
    // Only a run whose position changed can appear twice.
    const settled = seen.filter((id) => !touched.has(id) || order.field === 'CREATED_AT')
    expect(new Set(settled).size).toBe(settled.length)
  }
  await fc.assert(fc.asyncProperty(walk, check), { numRuns: 150 })
})

const orders = orderFields.flatMap((field) =>
  (['ASC', 'DESC'] as const).map((direction): ListOrder => ({ field, direction })),
)

describe.each(orders)('in the order of $field $direction', (order) => {
  test('runs with equal values are each returned once, in both directions, with correct page info', async () => {
    const [same] = fc.sample(runFields, { numRuns: 1, seed: 7 })
    await gateway.prisma.reportRun.createMany({
      data: Array.from({ length: 25 }, () => runRow(account, same)),
    })
    const all = await gateway.prisma.reportRun.findMany({ where: { accountId: account.accountId } })
    const expected = all.sort(compareRuns(order)).map(({ id }) => id)

    const first = await list({ first: 10 }, {}, order)
    const second = await list({ first: 10, after: first.pageInfo.endCursor }, {}, order)
    const third = await list({ first: 10, after: second.pageInfo.endCursor }, {}, order)
    expect([first, second, third].flatMap(({ edges }) => edges.map(({ node }) => node.id))).toEqual(expected)
    expect([first, second, third].map(({ pageInfo }) => pageInfo.hasNextPage)).toEqual([true, true, false])
    expect([first, second, third].map(({ pageInfo }) => pageInfo.hasPreviousPage)).toEqual([
      false,
      true,
      true,
    ])

    const back = await list({ last: 10, before: third.pageInfo.startCursor }, {}, order)
    expect(back.edges).toEqual(second.edges)
    const between = await list(
      { first: 100, after: first.pageInfo.endCursor, before: third.pageInfo.startCursor },
      {},
      order,
    )
    expect(between.edges).toEqual(second.edges)
    const beforeAll = await list({ last: 100, before: first.pageInfo.startCursor }, {}, order)
    expect(beforeAll).toMatchObject({ edges: [], pageInfo: { hasPreviousPage: false } })
  })

  test('a cursor stays valid when its run is deleted', async () => {
    await gateway.prisma.reportRun.createMany({
      data: fc.sample(runFields, { numRuns: 6, seed: 11 }).map((run) => runRow(account, run)),
    })
    const all = await list({ first: 6 }, {}, order)
    const middle = all.edges[2]
    if (!middle) throw new Error('The page has fewer runs than were created.')
    await gateway.prisma.reportRun.delete({ where: { id: middle.node.id } })
    expect((await list({ first: 6, after: middle.cursor }, {}, order)).edges).toEqual(all.edges.slice(3))
    expect((await list({ last: 6, before: middle.cursor }, {}, order)).edges).toEqual(all.edges.slice(0, 2))
  })
})
