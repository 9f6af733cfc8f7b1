import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pruneDailyCounts } from '../../../src/runs/create/quota.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import type { GraphqlClient } from '../../support/graphql-client.ts'
import { insertRun, runRow } from '../../support/insert-run.ts'
import { cancel, create, created, slowInput } from '../../support/run-mutations.ts'
import { noteStatements } from '../../support/sent-statements.ts'
import { createSlowRun, endOf, slowReport, startOf } from '../../support/slow-report.ts'

const noon = new Date('2026-03-10T12:00:00.000Z')
let now = noon

let gateway: TestGateway
/** Has no worker; tests control its clock. */
let idle: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway({
    reportTypes: [slowReport],
    config: { accountConcurrency: 2, concurrency: 4 },
  })
  idle = await startTestGateway({
    reportTypes: [slowReport],
    config: { role: 'gateway', accountConcurrency: 2, dailyRuns: 3 },
    now: () => now,
  })
})
afterAll(async () => {
  await idle[Symbol.asyncDispose]()
  await gateway[Symbol.asyncDispose]()
})

type Place = { position: number; estimatedStartAt: string | null; waitingFor: string } | null

async function positionOf(client: GraphqlClient, id: string): Promise<Place> {
  return (
    await client.request<{ reportRun: { queue: Place } }>(
      'query ($id: ID!) { reportRun(id: $id) { queue { position estimatedStartAt waitingFor } } }',
      { id },
    )
  ).reportRun.queue
}

function at(seconds: number): Date {
  return new Date(noon.getTime() + seconds * 1000)
}

/** Adds runs without jobs, created one second apart. */
async function addRuns(
  account: TestAccount,
  status: 'PENDING' | 'RUNNING',
  count: number,
): Promise<string[]> {
  const ids: string[] = []
  for (let i = 0; i < count; i++) {
    const fields = { status, reportType: slowReport.name, createdAt: at(i - 1000) }
    ids.push((await insertRun(idle.prisma, account, fields)).id)
  }
  return ids
}

describe('the position in the queue', () => {
  test('runs over the limit of the account wait, show it, and start when other runs end', async () => {
    const { client } = await gateway.createAccount()
    const running = [
      await createSlowRun(client, { count_seconds: '30' }),
      await createSlowRun(client, { count_seconds: '30' }),
    ]
    await Promise.all(running.map((id) => startOf(client, id)))
    const waiting = [await createSlowRun(client), await createSlowRun(client), await createSlowRun(client)]
    const places = await Promise.all(waiting.map((id) => positionOf(client, id)))
    expect(places).toEqual(
      [1, 2, 3].map((position) => ({ position, estimatedStartAt: null, waitingFor: 'CONCURRENCY_LIMIT' })),
    )
    expect(await positionOf(client, running[0] ?? '')).toBeNull()
    await Promise.all(running.map((id) => cancel(client, id)))
    const ends = await Promise.all(waiting.map((id) => endOf(client, id)))
    expect(ends.map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED'])
    expect(await positionOf(client, waiting[0] ?? '')).toBeNull()
  })

  test('shows what each run waits for: a worker up to the limit of the account, then the limit', async () => {
    const account = await idle.createAccount()
    await addRuns(account, 'RUNNING', 1)
    const ids = await addRuns(account, 'PENDING', 4)
    const places = await Promise.all(ids.map((id) => positionOf(account.client, id)))
    expect(places.map((place) => [place?.position, place?.waitingFor, place?.estimatedStartAt])).toEqual([
      [1, 'WORKER', null],
      [2, 'CONCURRENCY_LIMIT', null],
      [3, 'CONCURRENCY_LIMIT', null],
      [4, 'CONCURRENCY_LIMIT', null],
    ])
  })

  test('estimates the start from the durations of the last runs of the account', async () => {
    const account = await idle.createAccount()
    const ended = { status: 'SUCCEEDED', reportType: slowReport.name, createdAt: at(-5000) } as const
    for (const runMilliseconds of [40_000, 80_000]) {
      await insertRun(idle.prisma, account, { ...ended, runMilliseconds })
    }
    // The duration of a failed run does not count.
    await insertRun(idle.prisma, account, { ...ended, status: 'FAILED', runMilliseconds: 9_000_000 })
    await addRuns(account, 'RUNNING', 2)
    const ids = await addRuns(account, 'PENDING', 5)
    const places = await Promise.all(ids.map((id) => positionOf(account.client, id)))
    expect(places.map((place) => place?.estimatedStartAt)).toEqual(
      [60, 60, 120, 120, 180].map((seconds) => at(seconds).toISOString()),
    )
  })

  test('does not count runs of another account or mode', async () => {
    const account = await idle.createAccount()
    const others = [
      await idle.createAccount(),
      await idle.createAccount({ accountId: account.accountId, livemode: true }),
    ]
    for (const other of others) {
      await addRuns(other, 'RUNNING', 2)
      await addRuns(other, 'PENDING', 2)
    }
    const [id = ''] = await addRuns(account, 'PENDING', 1)
    expect(await positionOf(account.client, id)).toEqual({
      position: 1,
      estimatedStartAt: null,
      waitingFor: 'WORKER',
    })
  })

  test.each(['RUNNING', 'CANCELING', 'SUCCEEDED', 'FAILED', 'CANCELED'] as const)(
    'is null for a run that is %s',
    async (status) => {
      const account = await idle.createAccount()
      const { id } = await insertRun(idle.prisma, account, { status, reportType: slowReport.name })
      expect(await positionOf(account.client, id)).toBeNull()
    },
  )

  test('takes as many statements for a hundred runs as for one', async () => {
    const account = await idle.createAccount()
    await idle.prisma.reportRun.createMany({
      data: Array.from({ length: 100 }, (_, i) =>
        runRow(account, { createdAt: at(i), reportType: slowReport.name }),
      ),
    })
    const query = 'query ($first: Int) { reportRuns(first: $first) { nodes { id queue { position } } } }'
    const read = async (first: number) => {
      using noted = noteStatements()
      const { reportRuns } = await account.client.request<{
        reportRuns: { nodes: { queue: { position: number } }[] }
      }>(query, { first })
      // Ignore the periodic queries for late runs and for runs that wait for data.
      const statements = noted
        .statements()
        .filter(({ text }) => text.includes('report_runs') && !/"deadline_at" <= |group by/i.test(text))
      return { positions: reportRuns.nodes.map(({ queue }) => queue.position), count: statements.length }
    }
    const one = await read(1)
    const all = await read(100)
    expect(all.positions).toEqual(Array.from({ length: 100 }, (_, i) => 100 - i))
    expect(one.positions).toEqual([100])
    expect(all.count).toBe(one.count)
    expect(all.count).toBeLessThanOrEqual(3)
  })
})

type Use = { limit: number; used: number; resetsAt: string | null }
async function quotaOf(client: GraphqlClient): Promise<{ concurrentRuns: Use; dailyRuns: Use }> {
  return (
    await client.request<{ viewer: { quota: { concurrentRuns: Use; dailyRuns: Use } } }>(
      '{ viewer { quota { concurrentRuns { limit used resetsAt } dailyRuns { limit used resetsAt } } } }',
    )
  ).viewer.quota
}

describe('the quota', () => {
  test('shows concurrent and daily runs of the account and mode only', async () => {
    const account = await idle.createAccount()
    const live = await idle.createAccount({ accountId: account.accountId, livemode: true })
    await addRuns(account, 'RUNNING', 1)
    await insertRun(idle.prisma, account, { status: 'CANCELING', reportType: slowReport.name })
    await created(account.client)
    expect(await quotaOf(account.client)).toEqual({
      concurrentRuns: { limit: 2, used: 2, resetsAt: null },
      dailyRuns: { limit: 3, used: 1, resetsAt: '2026-03-11T00:00:00.000Z' },
    })
    const unused = { concurrentRuns: { used: 0 }, dailyRuns: { used: 0 } }
    expect(await quotaOf(live.client)).toMatchObject(unused)
    expect(await quotaOf((await idle.createAccount()).client)).toMatchObject(unused)
  })

  test('rejects runs over the daily limit, creates nothing for them, and resets the next day', async () => {
    const account = await idle.createAccount()
    const { client } = account
    // Rejected requests and repeated keys are not counted.
    await create(client, slowInput({}, { rows: 'many' }))
    const keyed = slowInput({ idempotencyKey: 'one' })
    await Promise.all(Array.from({ length: 5 }, () => create(client, keyed)))
    const answers = await Promise.all(Array.from({ length: 6 }, () => create(client, slowInput())))
    expect(answers.filter(({ reportRun }) => reportRun)).toHaveLength(2)
    const refused = answers.filter(({ reportRun }) => !reportRun)
    for (const { userErrors } of refused) {
      expect(userErrors).toEqual([
        expect.objectContaining({
          __typename: 'LimitError',
          code: 'LIMIT_REACHED',
          path: null,
          limit: 3,
          retryAfter: '2026-03-11T00:00:00.000Z',
        }),
      ])
    }
    const { accountId } = account
    expect(await idle.prisma.reportRun.count({ where: { accountId } })).toBe(3)
    expect(await idle.prisma.reportRunEvent.count({ where: { accountId } })).toBe(3)
    expect(await quotaOf(client)).toMatchObject({ dailyRuns: { used: 3 } })
    // The run of a key is still returned; the key of a rejected request is free.
    expect((await create(client, keyed)).wasReused).toBe(true)
    const late = slowInput({ idempotencyKey: 'late' })
    expect((await create(client, late)).userErrors[0]?.code).toBe('LIMIT_REACHED')
    try {
      now = new Date('2026-03-11T00:00:00.000Z')
      expect(await quotaOf(client)).toMatchObject({
        dailyRuns: { used: 0, resetsAt: '2026-03-12T00:00:00.000Z' },
      })
      expect(await create(client, late)).toMatchObject({ wasReused: false, userErrors: [] })
      expect(await quotaOf(client)).toMatchObject({ dailyRuns: { used: 1 } })
      await pruneDailyCounts(idle.prisma, now)
      expect(await idle.prisma.dailyRunCount.count({ where: { accountId } })).toBe(1)
      expect(await quotaOf(client)).toMatchObject({ dailyRuns: { used: 1 } })
    } finally {
      now = noon
    }
  })
})

describe('pollAfter', () => {
  const pollAfter = async (fields: Parameters<typeof insertRun>[2]): Promise<number | null> => {
    const account = await idle.createAccount()
    const { id } = await insertRun(idle.prisma, account, { reportType: slowReport.name, ...fields })
    const { reportRun } = await account.client.request<{ reportRun: { pollAfter: string | null } }>(
      'query ($id: ID!) { reportRun(id: $id) { pollAfter } }',
      { id },
    )
    return reportRun.pollAfter === null ? null : (Date.parse(reportRun.pollAfter) - noon.getTime()) / 1000
  }

  test.each([
    ['in a second for a new run', { createdAt: at(0) }, 1],
    ['in a quarter of its age', { createdAt: at(-40) }, 10],
    ['in half a minute at most', { createdAt: at(-9999) }, 30],
    ['in a second for a creation time in the future', { createdAt: at(60) }, 1],
    ['at the estimated end', { createdAt: at(-9), status: 'RUNNING', estimatedFinishAt: at(17) }, 17],
    [
      'before an estimated end that is far ahead',
      { createdAt: at(-9), status: 'RUNNING', estimatedFinishAt: at(99) },
      30,
    ],
    [
      'in a second when the estimated end has passed',
      { createdAt: at(-9), status: 'RUNNING', estimatedFinishAt: at(-5) },
      1,
    ],
    [
      'in a quarter of the age of a run that is being canceled',
      { createdAt: at(-8), status: 'CANCELING' },
      2,
    ],
    ['null for a run that has succeeded', { createdAt: at(-9), status: 'SUCCEEDED' }, null],
    ['null for a run that has failed', { createdAt: at(-9), status: 'FAILED' }, null],
    ['null for a run that was canceled', { createdAt: at(-9), status: 'CANCELED' }, null],
  ] as const)('is %s', async (_name, fields, seconds) => {
    expect(await pollAfter(fields)).toBe(seconds)
  })
})

describe('durations', () => {
  test.each([
    ['startWithin', 'PT0.999S', ['input', 'startWithin']],
    ['startWithin', 'P31D', ['input', 'startWithin']],
    ['startWithin', 'P1M', ['input', 'startWithin']],
    ['timeout', '-PT5S', ['input', 'timeout']],
    ['timeout', 'PT24H0.001S', ['input', 'timeout']],
    ['retention', 'PT0S', ['input', 'output', 'retention']],
    ['retention', 'P11Y', ['input', 'output', 'retention']],
  ])('%s of %s is rejected with the path of the field', async (field, value, path) => {
    const { client } = await idle.createAccount()
    const duration = { [field]: value }
    const { reportRun, userErrors } = await create(
      client,
      slowInput(field === 'retention' ? { output: duration } : duration),
    )
    expect(reportRun).toBeNull()
    expect(userErrors).toEqual([expect.objectContaining({ code: 'INVALID_VALUE', path })])
  })

  test('the minimum and the maximum are accepted and stored', async () => {
    const { client } = await idle.createAccount()
    const longest = await created(
      client,
      slowInput({ startWithin: 'P30D', timeout: 'P1D', output: { retention: 'P3660D' } }),
    )
    const shortest = await created(
      client,
      slowInput({ startWithin: 'PT1S', timeout: 'PT1S', output: { retention: 'PT1S' } }),
    )
    const day = 24 * 60 * 60 * 1000
    const rows = await Promise.all(
      [longest, shortest].map(({ id }) => idle.prisma.reportRun.findUniqueOrThrow({ where: { id } })),
    )
    expect(rows.map((row) => [row.timeoutMilliseconds, row.retentionMilliseconds])).toEqual([
      [BigInt(day), BigInt(3660 * day)],
      [1000n, 1000n],
    ])
    expect(rows[0]?.deadlineAt).toEqual(new Date(noon.getTime() + 30 * day))
  })
})
