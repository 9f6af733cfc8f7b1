import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import {
  createSlowRun,
  endOf,
  type SeenRun,
  seenFields,
  slowReport,
  startOf,
  storedFiles,
  watchQuery,
} from '../../support/slow-report.ts'

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway({ reportTypes: [slowReport], config: { concurrency: 1 } })
  account = await gateway.createAccount()
})
afterAll(() => gateway[Symbol.asyncDispose]())

type Payload = {
  reportRun: SeenRun | null
  userErrors: { __typename: string; code: string; path: string[] | null; reportRun?: SeenRun | null }[]
}

async function cancel(id: string, reason?: string): Promise<Payload> {
  const { cancelReportRun } = await account.client.request<{ cancelReportRun: Payload }>(
    `mutation ($id: ID!, $reason: String) {
      cancelReportRun(input: { id: $id, reason: $reason }) {
        reportRun { ${seenFields} }
        userErrors { __typename code path ... on StatusError { reportRun { ${seenFields} } } }
      }
    }`,
    { id, ...(reason && { reason }) },
  )
  return cancelReportRun
}

/** The report statements that Postgres is executing. */
function activeReports(): Promise<{ query: string }[]> {
  return gateway.database.query(`
    select query from pg_stat_activity
    where datname = current_database() and application_name = 'report-gateway reports' and state <> 'idle'`)
}

/** Waits until Postgres executes a report statement that begins with `start`. */
function untilExecuting(start: string): Promise<void> {
  return vi.waitFor(
    async () => expect((await activeReports())[0]?.query).toMatch(new RegExp(`^${start}`)),
    30_000,
  )
}

async function untilRowsFlow(id: string): Promise<void> {
  for await (const { data } of account.client.subscribe<{ reportRun: SeenRun }>(watchQuery, { id })) {
    if (Number(data?.reportRun.progress?.rowsWritten ?? 0) > 0) return
  }
}

async function filesOf(id: string): Promise<string[]> {
  return (await storedFiles(gateway.dataDir)).filter((file) => file.includes(id))
}

/** Checks that a canceled run stops within a second and leaves nothing behind. */
async function expectStopped(id: string): Promise<SeenRun> {
  const asked = performance.now()
  const [end] = await Promise.all([
    endOf(account.client, id),
    vi.waitFor(async () => expect(await activeReports()).toEqual([]), { timeout: 30_000, interval: 20 }),
  ])
  expect(performance.now() - asked).toBeLessThan(1_000)
  expect(end).toMatchObject({ status: 'CANCELED', isFinal: true, result: null, failure: null })
  expect(end.finishedAt).not.toBeNull()
  expect(await filesOf(id)).toEqual([])
  return end
}

describe('canceling', () => {
  test('a waiting run ends it at once, and it never starts', async () => {
    const busy = await createSlowRun(account.client, { count_seconds: '30' })
    await startOf(account.client, busy)
    const waiting = await createSlowRun(account.client)
    const { reportRun, userErrors } = await cancel(waiting, 'asked by mistake')
    expect(userErrors).toEqual([])
    expect(reportRun).toMatchObject({
      status: 'CANCELED',
      startedAt: null,
      cancellation: {
        requestedAt: expect.any(String),
        requestedBy: { id: account.apiKeyId },
        reason: 'asked by mistake',
      },
    })
    await cancel(busy)
    await expectStopped(busy)
    // When this later run ends, the worker has taken the job of the canceled run.
    expect((await endOf(account.client, await createSlowRun(account.client))).status).toBe('SUCCEEDED')
    const run = await gateway.prisma.reportRun.findUniqueOrThrow({ where: { id: waiting } })
    expect(run).toMatchObject({ status: 'CANCELED', execution: 0, version: 2 })
  })

  test('a run whose rows are being counted stops the count', async () => {
    // The memory limit of the thread that writes Parquet needs the number of rows.
    const id = await createSlowRun(account.client, { count_seconds: '30' }, { formats: ['PARQUET'] })
    await untilExecuting('select count')
    const { reportRun } = await cancel(id)
    expect(reportRun).toMatchObject({ status: 'CANCELING', isFinal: false })
    const { cancellation } = await expectStopped(id)
    expect(cancellation).toMatchObject({ requestedBy: { id: account.apiKeyId }, reason: null })
  })

  test('a run whose rows are being written stops the COPY', async () => {
    const id = await createSlowRun(account.client, { rows: '100000', row_seconds: '0.005', width: '4000' })
    await untilRowsFlow(id)
    expect(await filesOf(id)).toHaveLength(1)
    await cancel(id)
    await expectStopped(id)
  })

  test('a run that is computing its first row stops the COPY', async () => {
    const id = await createSlowRun(account.client, { rows: '2', row_seconds: '30' })
    await untilExecuting('copy')
    await cancel(id)
    await expectStopped(id)
  })

  test('twice changes nothing', async () => {
    const id = await createSlowRun(account.client, { count_seconds: '30' })
    await untilExecuting('copy')
    const [first, second] = await Promise.all([cancel(id, 'first'), cancel(id, 'second')])
    expect(first.userErrors).toEqual([])
    expect(second.userErrors).toEqual([])
    const reasons = [first, second].map(({ reportRun }) => reportRun?.cancellation?.reason)
    expect(reasons[0]).toBe(reasons[1])
    const { cancellation } = await expectStopped(id)
    expect(cancellation?.reason).toBe(reasons[0])
    const events = await gateway.prisma.reportRunEvent.findMany({
      where: { runId: id, kind: 'STATUS_CHANGED' },
      orderBy: { position: 'asc' },
    })
    expect(events.map(({ toStatus }) => toStatus)).toEqual(['PENDING', 'RUNNING', 'CANCELING', 'CANCELED'])
    expect(events.map(({ actorId }) => actorId)).toEqual([account.apiKeyId, null, account.apiKeyId, null])
  })

  test('a run that has ended returns WRONG_STATUS with the run', async () => {
    const id = await createSlowRun(account.client)
    const end = await endOf(account.client, id)
    const { reportRun, userErrors } = await cancel(id)
    expect(reportRun).toBeNull()
    expect(userErrors).toMatchObject([
      {
        __typename: 'StatusError',
        code: 'WRONG_STATUS',
        path: ['input', 'id'],
        reportRun: { id, status: 'SUCCEEDED', version: end.version, cancellation: null },
      },
    ])
  })

  test.each(['x'.repeat(501), 'a\0b', '\ud800'])(
    'with a reason that cannot be stored is rejected',
    async (reason) => {
      const id = await createSlowRun(account.client)
      const { userErrors } = await cancel(id, reason)
      expect(userErrors).toMatchObject([{ code: 'INVALID_VALUE', path: ['input', 'reason'] }])
      expect(await endOf(account.client, id)).toMatchObject({ status: 'SUCCEEDED', cancellation: null })
    },
  )
})

test('canceling at any moment of a run ends it in one consistent way', async () => {
  const { client } = account
  const parameters = { rows: '2000', width: '500' }
  const began = performance.now()
  await endOf(client, await createSlowRun(client, parameters))
  const lifetime = performance.now() - began

  const accepted = new Map<string, boolean>()
  for (let i = 0; i < 40; i++) {
    const id = await createSlowRun(client, parameters)
    // A delay, not a wait for a condition: the cancellations are spread over the lifetime of a run and a little more.
    await new Promise((resolve) => setTimeout(resolve, (i / 27) * lifetime))
    accepted.set(id, (await cancel(id)).userErrors.length === 0)
    const { status, result, cancellation } = await endOf(client, id)
    const files = await filesOf(id)
    if (accepted.get(id)) {
      expect({ status, result, files }).toEqual({ status: 'CANCELED', result: null, files: [] })
      expect(cancellation).not.toBeNull()
    } else {
      expect({ status, cancellation }).toEqual({ status: 'SUCCEEDED', cancellation: null })
      expect(files).toEqual([expect.stringContaining(result?.files[0]?.id ?? '')])
    }
  }
  const ends = await gateway.prisma.reportRunEvent.groupBy({
    by: ['runId'],
    where: { runId: { in: [...accepted.keys()] }, toStatus: { in: ['SUCCEEDED', 'FAILED', 'CANCELED'] } },
    _count: true,
  })
  expect(ends.map(({ _count }) => _count)).toEqual(Array(40).fill(1))
  // Both outcomes occurred, so the cancellations were well spread.
  expect(new Set(accepted.values())).toEqual(new Set([true, false]))
})
