import { afterAll, beforeAll, expect, test } from 'vitest'
import { createFairQueue, requestLimits } from '../../../src/fair-queue.ts'
import type { ReadRows } from '../../../src/postgres/rows.ts'
import { listRuns } from '../../../src/runs/list/list-runs.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import { insertRun, runRow } from '../../support/insert-run.ts'
import {
  type ListOrder,
  listPage,
  listQuery,
  orderFields,
  type PageArguments,
} from '../../support/run-list.ts'
import { noteStatements } from '../../support/sent-statements.ts'

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway()
  account = await gateway.createAccount()
})
afterAll(() => gateway[Symbol.asyncDispose]())

async function expectRefused(page: PageArguments, argument: string, orderBy?: ListOrder, filter?: object) {
  const { errors, data } = await account.client.execute(listQuery, { ...page, orderBy, filter })
  expect(data).toBeNull()
  expect(errors).toMatchObject([{ path: ['reportRuns'], extensions: { code: 'BAD_USER_INPUT', argument } }])
}

test.each(orderFields)('a list ordered by %s rejects cursors of other orders', async (asked) => {
  await insertRun(gateway.prisma, account, { finishedAt: new Date(), byteSize: 1n, runMilliseconds: 1n })
  const order = { field: asked, direction: 'DESC' } as const
  for (const field of orderFields.filter((other) => other !== asked)) {
    const { pageInfo } = await listPage(account.client, { first: 1 }, {}, { ...order, field })
    await expectRefused({ after: pageInfo.endCursor }, 'after', order)
    await expectRefused({ last: 1, before: pageInfo.endCursor }, 'before', order)
  }
})

function forged(...position: unknown[]): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}
const someId = 'frr_01m800000000000000000000a'

test.each([
  ['first', { first: 0 }],
  ['first', { first: 101 }],
  ['first', { first: -1 }],
  ['last', { last: 0 }],
  ['last', { last: 101 }],
  ['last', { first: 5, last: 5 }],
  ['after', { after: '' }],
  ['after', { after: 'nonsense' }],
  ['after', { after: someId }],
  ['after', { after: '💥' }],
  ['after', { after: forged() }],
  ['after', { after: forged('CREATED_AT', 'frr_\0', null) }],
  ['after', { after: forged('CREATED_AT', 'file_01m800000000000000000000a', null) }],
  ['before', { last: 5, before: 'nonsense' }],
  ['before', { last: 5, before: '' }],
])('%s is rejected in %j', async (argument, page) => {
  await expectRefused(page, argument)
})

test.each([
  ['FINISHED_AT', '2026-13-01T00:00:00.000Z'],
  ['FINISHED_AT', '0000-01-01T00:00:00.000Z'],
  ['FINISHED_AT', '17'],
  ['BYTE_SIZE', '2026-01-01T00:00:00.000Z'],
  ['BYTE_SIZE', '-1'],
  ['BYTE_SIZE', '99999999999999999999'],
  ['RUN_DURATION', 'soon'],
  ['RUN_DURATION', 17],
] as const)('a forged cursor of %s at %j is rejected', async (field, value) => {
  await expectRefused({ after: forged(field, someId, value) }, 'after', { field, direction: 'ASC' })
})

test.each([{ allTags: ['a\0'] }, { anyTags: ['a\0'] }, { reportTypes: ['\0'] }, { requestedByIds: ['\0'] }])(
  'the filter %j is rejected',
  async (filter) => {
    await expectRefused({}, 'filter', undefined, filter)
  },
)

test('the widest range of times contains all runs, although their ids do not reach as far', async () => {
  const { client, ...owner } = await gateway.createAccount()
  await insertRun(gateway.prisma, owner, { finishedAt: new Date() })
  const ever = { start: '0001-01-01T00:00:00Z', end: '9999-12-31T23:59:59Z' }
  const { edges } = await listPage(client, {}, { createdAt: ever, finishedAt: ever })
  expect(edges).toHaveLength(1)
})

test('runs are counted only when the count is selected', async () => {
  const { client, ...owner } = await gateway.createAccount()
  await gateway.prisma.reportRun.createMany({ data: Array.from({ length: 30 }, () => runRow(owner)) })
  using sent = noteStatements()
  const counts = (): number =>
    sent.statements().filter(({ text, values }) => /count\(/i.test(text) && values.includes(owner.accountId))
      .length
  await listPage(client, { first: 3 })
  expect(counts()).toBe(0)
  const { reportRuns } = await client.request<{ reportRuns: { totalCount: number } }>(
    '{ reportRuns(first: 3, filter: { statuses: PENDING }) { totalCount nodes { id } } }',
  )
  expect(reportRuns.totalCount).toBe(30)
  expect(counts()).toBe(1)
})

test.each(['ASC', 'DESC'] as const)(
  'the plan for any account finds the runs of one, when another has most of the runs, %s',
  async (direction) => {
    const { accountId, livemode } = await gateway.createAccount()
    const others = Array.from({ length: 2_000 }, () => runRow(account))
    await gateway.prisma.reportRun.createMany({ data: others })
    await gateway.database.query('analyze report_runs')
    const plans: unknown[] = []
    const rows: ReadRows = async ({ text }) => {
      plans.push(await gateway.database.query(`explain (generic_plan) ${text}`))
      return []
    }
    const services = { rows, slowReads: createFairQueue(1, requestLimits) }
    const viewer = { accountId, livemode, apiKeyId: 'key_unused' }
    const parts = { withFiles: true, onlyUsual: true }
    const { read } = listRuns(services, viewer, {}, { field: 'CREATED_AT', direction }, parts)
    const after = { field: 'CREATED_AT', id: someId, value: null } as const
    for (const start of [null, after])
      await read({ after: start, before: null, isBackward: false, limit: 21 })
    expect(plans).toHaveLength(2)
    for (const plan of plans) expect(JSON.stringify(plan)).toContain('report_runs_visible_idx')
  },
)
