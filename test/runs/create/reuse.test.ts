import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import {
  cancel,
  create,
  created,
  deleteRun,
  type NewRunPayload,
  retry,
  type ShownRun,
  slowInput,
} from '../../support/run-mutations.ts'
import { endOf, slowReport } from '../../support/slow-report.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway({ reportTypes: [slowReport], config: { concurrency: 4 } })
})
afterAll(() => gateway[Symbol.asyncDispose]())

function reuse(more: object = {}, parameters: object = {}) {
  return slowInput({ reuseWithin: 'PT1H', ...more }, { ...parameters })
}

/** Creates a run and waits until it has succeeded. */
async function succeeded({ client }: TestAccount, input = reuse()): Promise<ShownRun> {
  const run = await created(client, input)
  expect((await endOf(client, run.id)).status).toBe('SUCCEEDED')
  return run
}

function ask({ client }: TestAccount, input = reuse()): Promise<NewRunPayload> {
  return create(client, input)
}

function runsOf({ accountId }: TestAccount): Promise<number> {
  return gateway.prisma.reportRun.count({ where: { accountId } })
}

function change(id: string, data: Parameters<typeof gateway.prisma.reportRun.update>[0]['data']) {
  return gateway.prisma.reportRun.update({ where: { id }, data })
}

describe('an identical run that has finished recently', () => {
  test('is returned unchanged, and nothing is created', async () => {
    const account = await gateway.createAccount()
    const { id } = await succeeded(account, reuse({ label: 'First', tags: ['one'] }))
    const again = await ask(
      account,
      // Explicit defaults, another order and other annotations make no difference.
      reuse(
        { label: 'Second', output: { formats: ['CSV', 'CSV'], retention: 'P1D' } },
        { width: '1', rows: '10' },
      ),
    )
    expect(again).toMatchObject({
      wasReused: true,
      userErrors: [],
      reportRun: { id, status: 'SUCCEEDED', label: 'First', tags: ['one'] },
    })
    expect(await runsOf(account)).toBe(1)
    const { viewer, reportRunEvents } = await account.client.request<{
      viewer: { quota: { dailyRuns: { used: number } } }
      reportRunEvents: { nodes: unknown[] }
    }>(
      `query ($after: EventCursor) {
        viewer { quota { dailyRuns { used } } } reportRunEvents(after: $after) { nodes { cursor } } }`,
      { after: again.eventCursor },
    )
    expect(viewer.quota.dailyRuns.used).toBe(1)
    expect(reportRunEvents.nodes).toEqual([])
  })

  test('is the latest one, also when that is a retry', async () => {
    const account = await gateway.createAccount()
    const { id } = await succeeded(account)
    const { reportRun } = await retry(account.client, id)
    const repeated = reportRun?.id ?? ''
    expect(repeated).not.toBe(id)
    await endOf(account.client, repeated)
    expect((await ask(account)).reportRun?.id).toBe(repeated)
    await deleteRun(account.client, repeated)
    expect((await ask(account)).reportRun?.id).toBe(id)
  })

  test('is not returned for a different request, account or mode', async () => {
    const account = await gateway.createAccount()
    await succeeded(account)
    const others: [TestAccount, object][] = [
      [account, reuse({}, { rows: '11' })],
      [account, reuse({ output: { compression: 'GZIP' } })],
      [account, slowInput()],
      [await gateway.createAccount(), reuse()],
      [await gateway.createAccount({ accountId: account.accountId, livemode: true }), reuse()],
    ]
    for (const [requester, input] of others) {
      expect(await ask(requester, { ...input })).toMatchObject({ wasReused: false, userErrors: [] })
    }
  })

  test.each([
    ['finished too long ago', { finishedAt: new Date(Date.now() - 3_601_000) }],
    ['has lost its files', { filesDeletedAt: new Date() }],
    ['is about to lose its files', { expiresAt: new Date() }],
    ['was deleted', { deletedAt: new Date() }],
    ['failed', { status: 'FAILED' }],
    ['was canceled', { status: 'CANCELED' }],
  ] as const)('is not reused when it %s', async (_what, data) => {
    const account = await gateway.createAccount()
    const { id } = await succeeded(account)
    await change(id, data)
    const answer = await ask(account)
    expect(answer.wasReused).toBe(false)
    expect(answer.reportRun?.id).not.toBe(id)
  })

  test('is not reused while it is running, so that two concurrent requests create two runs', async () => {
    const account = await gateway.createAccount()
    const input = reuse({}, { count_seconds: '20' })
    const answers = await Promise.all([ask(account, input), ask(account, input)])
    expect(answers.map(({ wasReused }) => wasReused)).toEqual([false, false])
    for (const { reportRun } of answers) await cancel(account.client, reportRun?.id ?? '')
  })

  test('requires a reuseWithin within its bounds', async () => {
    const account = await gateway.createAccount()
    for (const reuseWithin of ['PT0S', 'P1M', 'P3661D']) {
      const { reportRun, userErrors } = await ask(account, reuse({ reuseWithin }))
      expect(reportRun).toBeNull()
      expect(userErrors).toEqual([
        expect.objectContaining({ code: 'INVALID_VALUE', path: ['input', 'reuseWithin'] }),
      ])
    }
  })
})

describe('with an idempotency key', () => {
  test('the reused run becomes the run of the key, until it is deleted', async () => {
    const account = await gateway.createAccount()
    const { id } = await succeeded(account)
    const input = reuse({ idempotencyKey: 'k' })
    const twins = await Promise.all(Array.from({ length: 8 }, () => ask(account, input)))
    expect(new Set(twins.map(({ reportRun }) => reportRun?.id))).toEqual(new Set([id]))
    // The run is now too old to reuse, but the key still refers to it.
    await change(id, { finishedAt: new Date(0) })
    expect(await ask(account, input)).toMatchObject({ wasReused: true, reportRun: { id } })
    const other = await ask(account, { ...input, label: 'Other' })
    expect(other.userErrors).toEqual([
      expect.objectContaining({ code: 'IDEMPOTENCY_CONFLICT', existingRun: { id } }),
    ])
    await deleteRun(account.client, id)
    expect((await ask(account, input)).wasReused).toBe(false)
  })

  test('a run that is deleted concurrently is not reused, and its key is free', async () => {
    const account = await gateway.createAccount()
    const { id } = await succeeded(account)
    const input = reuse({ idempotencyKey: 'k' })
    let asked: Promise<NewRunPayload> | null = null
    await gateway.prisma.$transaction(async (tx) => {
      await tx.reportRun.update({ where: { id }, data: { deletedAt: new Date() } })
      asked = ask(account, input)
      await vi.waitFor(
        async () => {
          const waiting = await gateway.database.query(
            `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%for share%'`,
          )
          expect(waiting).toHaveLength(1)
        },
        { timeout: 30_000, interval: 20 },
      )
    })
    const answer = await asked
    expect(answer).toMatchObject({ wasReused: false, userErrors: [] })
    expect(await ask(account, input)).toMatchObject({
      wasReused: true,
      reportRun: { id: Object(answer).reportRun.id },
    })
  })
})
