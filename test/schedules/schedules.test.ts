import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createApiKey, revokeApiKey } from '../../src/auth/api-keys.ts'
import { builtInReportTypes, createCatalog } from '../../src/reports/catalog.ts'
import { createRunLoader } from '../../src/runs/list/find-run.ts'
import type { Services } from '../../src/runs/services.ts'
import { runDueSchedules } from '../../src/schedules/run-due.ts'
import { scheduleQueue } from '../../src/server/background-jobs.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { createGraphqlClient } from '../support/graphql-client.ts'
import { create } from '../support/run-mutations.ts'
import { createSchedule, type ShownSchedule, scheduleNow, updateSchedule } from '../support/schedules.ts'
import { slowReport } from '../support/slow-report.ts'
import { openWorkerParts, type WorkerParts } from '../support/worker-parts.ts'

const cleanup = new AsyncDisposableStack()
let parts: WorkerParts
let gateway: TestGateway
let account: TestAccount
let now: Date
let deps: Services

function setTime(text: string): void {
  now = new Date(text)
}
const reportTypes = [...builtInReportTypes, slowReport]

beforeAll(async () => {
  setTime('2026-11-27T12:00:00Z')
  parts = cleanup.use(await openWorkerParts())
  const { database, dataDir } = parts
  const options = { database, dataDir, reportTypes, now: () => now }
  // Nobody looks for what is due but the tests.
  gateway = cleanup.use(await startTestGateway({ ...options, config: { role: 'gateway' } }))
  deps = {
    ...parts,
    runLoader: createRunLoader(parts.prisma),
    catalog: createCatalog(reportTypes),
    limits: { accountConcurrency: 3, dailyRuns: 5 },
    now: () => now,
  }
})
afterAll(() => cleanup.disposeAsync())

beforeEach(async () => {
  await gateway.prisma.reportSchedule.updateMany({ data: { isActive: false } })
  setTime('2026-11-27T12:00:00Z')
  account = await gateway.createAccount()
})

async function setData(until: string, from = '2026-01-01T00:00:00Z'): Promise<void> {
  const { accountId, livemode } = account
  const span = { availableFrom: new Date(from), availableUntil: new Date(until), updatedAt: now }
  await gateway.prisma.ledgerCoverage.upsert({
    where: { accountId_livemode: { accountId, livemode } },
    create: { accountId, livemode, ...span },
    update: span,
  })
}

function look(): Promise<void> {
  return runDueSchedules(deps, new AbortController().signal)
}
async function lookAt(text: string): Promise<void> {
  setTime(text)
  await look()
}

function balance(relative: string, timezone = 'Europe/Berlin') {
  return {
    balanceSummary: { interval: { relative }, timezone, currency: 'eur' },
  }
}
function cron(expression: string, timezone?: string) {
  return { cron: { expression, timezone } }
}

/** A new schedule; of the balance of yesterday at six o'clock unless told otherwise. */
async function schedule(input: object = {}): Promise<ShownSchedule> {
  const { reportSchedule, userErrors } = await createSchedule(account.client, {
    report: balance('YESTERDAY'),
    trigger: cron('0 6 * * *'),
    ...input,
  })
  if (!reportSchedule) throw new Error(JSON.stringify(userErrors))
  return reportSchedule
}

function state({ id }: ShownSchedule): Promise<ShownSchedule> {
  return scheduleNow(account.client, id)
}
function intervals({ runs }: ShownSchedule): string[] {
  return runs.nodes.map(({ parameters }) => `${parameters.interval_start}/${parameters.interval_end}`)
}

describe('creating a schedule', () => {
  test('gives it back as it was asked for, with the next run in the timezone of the report', async () => {
    const made = await schedule({ label: 'Daily', tags: ['a', 'a', 'b'] })
    expect(made).toMatchObject({
      interval: 'YESTERDAY',
      parameters: { timezone: 'Europe/Berlin', currency: 'eur' },
      trigger: { cron: { expression: '0 6 * * *', timezone: 'Europe/Berlin' }, onDataAvailable: null },
      label: 'Daily',
      tags: ['a', 'b'],
      isActive: true,
      nextRunAt: '2026-11-28T05:00:00.000Z',
      lastError: null,
      requestedBy: { id: account.apiKeyId },
      runs: { nodes: [], totalCount: 0 },
    })
    const { nextRunAt } = await schedule({ trigger: cron('0 6 * * *', 'america/new_york') })
    expect(nextRunAt).toBe('2026-11-28T11:00:00.000Z')
    const { id } = await schedule({ output: { formats: ['CSV', 'JSONL', 'CSV'] } })
    const kept = await gateway.prisma.reportSchedule.findUniqueOrThrow({ where: { id } })
    expect(kept.formats).toEqual(['CSV', 'JSONL'])
  })

  test.each([
    [
      'an interval that stays the same',
      {
        report: {
          balanceSummary: {
            interval: { between: { start: '2026-10-01T00:00:00Z', end: '2026-11-01T00:00:00Z' } },
          },
        },
      },
      [
        ['input', 'report', 'balanceSummary', 'interval', 'between', 'start'],
        /same interval again and again/,
      ],
    ],
    [
      'a moment that stays the same',
      { report: { endingBalanceReconciliationSummary: { intervalEnd: '2026-11-01T00:00:00Z' } } },
      [
        ['input', 'report', 'endingBalanceReconciliationSummary', 'intervalEnd'],
        /as "custom", with the type ending_balance_reconciliation\.summary\.1 and an "interval"/,
      ],
    ],
    [
      'a parameter that no run would have',
      { report: { balanceSummary: { interval: { relative: 'YESTERDAY' }, timezone: 'Europe/Atlantis' } } },
      [['input', 'report', 'balanceSummary', 'timezone'], /is no timezone/],
    ],
    [
      'a type that is not there',
      { report: { custom: { type: 'nothing.1', parameters: {}, interval: 'YESTERDAY' } } },
      [['input', 'report', 'custom', 'type'], /There is no report type/],
    ],
    [
      'an interval that is given twice',
      {
        report: {
          custom: {
            type: 'balance.summary.1',
            parameters: { interval_end: '2026-11-01T00:00:00Z' },
            interval: 'YESTERDAY',
          },
        },
      },
      [['input', 'report', 'custom', 'interval'], /cannot be given as well/],
    ],
    [
      'six fields',
      { trigger: cron('0 0 6 * * *') },
      [['input', 'trigger', 'cron', 'expression'], /five fields/],
    ],
    [
      'a timezone that is none',
      { trigger: cron('0 6 * * *', 'Europe/Atlantis') },
      [['input', 'trigger', 'cron', 'timezone'], /"Europe\/Atlantis" is no timezone/],
    ],
    [
      'a period of two units',
      { trigger: { onDataAvailable: 'P1DT1H' } },
      [['input', 'trigger', 'onDataAvailable'], /grow by P1DT1H/],
    ],
    [
      'a retention that is too short',
      { output: { retention: 'PT0S' } },
      [['input', 'output', 'retention'], /retention has to be/],
    ],
    ['an empty tag', { tags: [''] }, [['input', 'tags', '0'], /cannot be empty/]],
  ] as const)('refuses %s, and makes none', async (_name, input, [path, message]) => {
    const payload = await createSchedule(account.client, {
      report: balance('YESTERDAY'),
      trigger: cron('0 6 * * *'),
      ...input,
    })
    expect(payload).toMatchObject({
      reportSchedule: null,
      userErrors: [{ message: expect.stringMatching(message), path }],
    })
    const { accountId } = account
    expect(await gateway.prisma.reportSchedule.count({ where: { accountId } })).toBe(0)
  })

  test('leaves PREVIOUS_PERIOD to schedules', async () => {
    const { userErrors } = await create(account.client, { report: balance('PREVIOUS_PERIOD') })
    expect(userErrors).toMatchObject([
      {
        message: expect.stringContaining('only a schedule can have it'),
        path: ['input', 'report', 'balanceSummary', 'interval', 'relative'],
      },
    ])
  })
})

describe('a schedule by cron', () => {
  test('makes one run each time, for the interval at the time it was due, however many look', async () => {
    await setData('2027-01-01T00:00:00Z')
    const made = await schedule({ label: 'Daily', tags: ['daily'] })
    await lookAt('2026-11-28T04:59:59Z')
    expect(intervals(await state(made))).toEqual([])
    // So late that yesterday is another day by now.
    setTime('2026-11-29T04:00:00Z')
    await Promise.all(Array.from({ length: 5 }, look))
    const after = await state(made)
    expect(intervals(after)).toEqual(['2026-11-26T23:00:00Z/2026-11-27T23:00:00Z'])
    expect(after.nextRunAt).toBe('2026-11-29T05:00:00.000Z')
    expect(after.runs.nodes).toMatchObject([
      {
        origin: 'SCHEDULE',
        label: 'Daily',
        tags: ['daily'],
        schedule: { id: made.id },
        requestedBy: { id: account.apiKeyId },
        parameters: { timezone: 'Europe/Berlin', currency: 'eur' },
      },
    ])
    await lookAt('2026-11-29T05:00:00Z')
    expect(intervals(await state(made))).toHaveLength(2)
    const { reportRuns } = await account.client.request<{ reportRuns: { totalCount: number } }>(
      '{ reportRuns(filter: { origins: [SCHEDULE] }) { totalCount } }',
    )
    expect(reportRuns.totalCount).toBe(2)
  })

  test('makes one run for what was missed, which leaves no gap to the last', async () => {
    await setData('2027-01-01T00:00:00Z')
    const made = await schedule({ report: balance('PREVIOUS_PERIOD'), trigger: cron('0 6 * * *', 'Etc/UTC') })
    await lookAt('2026-11-28T06:00:20Z')
    await lookAt('2026-12-02T12:00:00Z')
    await lookAt('2026-12-03T06:00:00Z')
    expect(intervals(await state(made))).toEqual([
      '2026-12-02T06:00:00Z/2026-12-03T06:00:00Z',
      '2026-11-28T06:00:00Z/2026-12-02T06:00:00Z',
      '2026-11-27T06:00:00Z/2026-11-28T06:00:00Z',
    ])
  })

  test('makes a run that waits when its data are to come, and none for a time before there were any', async () => {
    await setData('2026-11-27T10:00:00Z')
    const made = await schedule()
    await lookAt('2026-11-28T05:00:00Z')
    const { runs } = await state(made)
    const [run] = await gateway.prisma.reportRun.findMany({ where: { scheduleId: made.id } })
    expect(runs.nodes).toMatchObject([{ id: run?.id }])
    expect(run).toMatchObject({ status: 'PENDING', dataNeededUntil: new Date('2026-11-27T23:00:00Z') })
    await setData('2026-11-29T00:00:00Z', '2026-11-28T12:00:00Z')
    await lookAt('2026-11-29T05:00:00Z')
    expect(await state(made)).toMatchObject({
      lastError: expect.stringContaining('is there from 2026-11-28T12:00:00Z'),
      nextRunAt: '2026-11-30T05:00:00.000Z',
      runs: { totalCount: 1 },
    })
  })

  test('moves on only together with its run', async () => {
    await setData('2027-01-01T00:00:00Z')
    const made = await schedule()
    const queue = { ...parts.queue, enqueue: () => Promise.reject(new Error('The worker was killed here.')) }
    setTime('2026-11-28T05:00:00Z')
    await runDueSchedules({ ...deps, queue }, new AbortController().signal)
    expect(await state(made)).toMatchObject({ nextRunAt: made.nextRunAt, runs: { totalCount: 0 } })
    expect(parts.logged.filter(({ scheduleId }) => scheduleId === made.id)).toHaveLength(1)
    await look()
    expect(await state(made)).toMatchObject({ runs: { totalCount: 1 } })
  })

  test('tries again what the limit of the day refused, and says so once', async () => {
    await setData('2027-01-01T00:00:00Z')
    const { accountId, livemode } = account
    const day = new Date('2026-11-30T00:00:00Z')
    await gateway.prisma.dailyRunCount.create({ data: { accountId, livemode, day, runs: 5 } })
    const made = await schedule({
      report: balance('PREVIOUS_PERIOD'),
      trigger: cron('0 6 30 * *', 'Etc/UTC'),
    })
    await lookAt('2026-11-30T06:00:00Z')
    await lookAt('2026-11-30T06:01:00Z')
    expect(await state(made)).toMatchObject({
      lastError: expect.stringContaining('5 reports today'),
      isActive: true,
      nextRunAt: '2026-11-30T06:00:00.000Z',
      runs: { totalCount: 0 },
    })
    expect(parts.logged.filter(({ scheduleId }) => scheduleId === made.id)).toHaveLength(1)
    await lookAt('2026-12-01T00:00:30Z')
    const after = await state(made)
    expect(after).toMatchObject({ lastError: null, nextRunAt: '2026-12-30T06:00:00.000Z' })
    expect(intervals(after)).toEqual(['2026-10-30T06:00:00Z/2026-11-30T06:00:00Z'])
  })
})

test('a schedule by data makes one run for all whole days that came, and none before', async () => {
  await setData('2026-11-20T10:00:00Z')
  const made = await schedule({
    report: balance('PREVIOUS_PERIOD', 'Etc/UTC'),
    trigger: { onDataAvailable: 'P1D' },
  })
  expect(made).toMatchObject({ nextRunAt: null, trigger: { cron: null, onDataAvailable: 'P1D' } })
  await setData('2026-11-20T23:59:59Z')
  await look()
  expect((await state(made)).runs.totalCount).toBe(0)
  await setData('2026-11-23T08:00:00Z')
  await Promise.all([look(), look(), look()])
  await look()
  await setData('2026-11-24T00:00:00Z')
  await lookAt('2026-11-27T12:01:00Z')
  expect(intervals(await state(made))).toEqual([
    '2026-11-23T00:00:00Z/2026-11-24T00:00:00Z',
    '2026-11-20T00:00:00Z/2026-11-23T00:00:00Z',
  ])
})

describe('changing a schedule', () => {
  test('pauses it, and lets it start again from then on', async () => {
    await setData('2027-01-01T00:00:00Z')
    const made = await schedule({ report: balance('PREVIOUS_PERIOD'), trigger: cron('0 6 * * *', 'Etc/UTC') })
    const paused = await updateSchedule(account.client, made.id, { isActive: false })
    expect(paused.reportSchedule).toMatchObject({ isActive: false, nextRunAt: null })
    await lookAt('2026-12-05T12:00:00Z')
    const on = await updateSchedule(account.client, made.id, { isActive: true, label: 'On', tags: ['x'] })
    expect(on.reportSchedule).toMatchObject({ isActive: true, nextRunAt: '2026-12-06T06:00:00.000Z' })
    await lookAt('2026-12-06T06:00:00Z')
    const after = await state(made)
    expect(intervals(after)).toEqual(['2026-12-05T06:00:00Z/2026-12-06T06:00:00Z'])
    expect(after.runs.nodes).toMatchObject([{ label: 'On', tags: ['x'] }])
  })

  test('gives it another trigger at once, and refuses one that cannot be', async () => {
    const made = await schedule()
    const { reportSchedule } = await updateSchedule(account.client, made.id, { trigger: cron('0 * * * *') })
    expect(reportSchedule).toMatchObject({ nextRunAt: '2026-11-27T13:00:00.000Z' })
    const refused = await updateSchedule(account.client, made.id, { trigger: cron('x'), label: 'New' })
    expect(refused.userErrors).toMatchObject([{ path: ['input', 'trigger', 'cron', 'expression'] }])
    expect(await state(made)).toEqual(reportSchedule)
  })

  test('removes a label that is null, and leaves whatever else is null', async () => {
    const made = await schedule({ label: 'Old', tags: ['kept'] })
    const nulls = { isActive: null, trigger: null, tags: null, label: null }
    const { reportSchedule, userErrors } = await updateSchedule(account.client, made.id, nulls)
    expect(userErrors).toEqual([])
    expect(reportSchedule).toEqual({ ...made, label: null })
  })

  test('covers all that has passed when it gets another trigger between two runs', async () => {
    await setData('2027-01-01T00:00:00Z')
    const made = await schedule({ report: balance('PREVIOUS_PERIOD'), trigger: cron('0 6 * * *', 'Etc/UTC') })
    await updateSchedule(account.client, made.id, { trigger: cron('0 * * * *', 'Etc/UTC') })
    await lookAt('2026-11-27T13:00:00Z')
    await updateSchedule(account.client, made.id, { trigger: cron('0 6 * * *', 'Etc/UTC') })
    await lookAt('2026-11-28T06:00:00Z')
    expect(intervals(await state(made))).toEqual([
      '2026-11-27T13:00:00Z/2026-11-28T06:00:00Z',
      '2026-11-27T06:00:00Z/2026-11-27T13:00:00Z',
    ])
  })

  test('loses nothing when many change it while it runs', async () => {
    await setData('2027-01-01T00:00:00Z')
    const made = await schedule()
    setTime('2026-11-28T05:00:00Z')
    const labels = ['one', 'two', 'three']
    await Promise.all([
      look(),
      ...labels.map((label) => updateSchedule(account.client, made.id, { label })),
      updateSchedule(account.client, made.id, { tags: ['kept'] }),
    ])
    // A look that was overtaken leaves it to the next one.
    await look()
    const after = await state(made)
    expect(after).toMatchObject({ tags: ['kept'], label: expect.stringMatching(/^(one|two|three)$/) })
    expect(after.runs.totalCount).toBe(1)
  })

  test('is paused when its key is revoked, and goes on with the key that turns it on', async () => {
    await setData('2027-01-01T00:00:00Z')
    const made = await schedule()
    const { accountId, livemode } = account
    const second = await createApiKey(gateway.prisma, { accountId, livemode, name: 'Second' })
    await revokeApiKey(gateway.prisma, account.apiKeyId)
    account.client = createGraphqlClient(gateway.url, second.secret)
    await lookAt('2026-11-28T05:00:00Z')
    expect(await state(made)).toMatchObject({
      isActive: false,
      nextRunAt: null,
      lastError: expect.stringContaining(account.apiKeyId),
      runs: { totalCount: 0 },
    })
    await updateSchedule(account.client, made.id, { isActive: true })
    await lookAt('2026-11-29T05:00:00Z')
    expect(await state(made)).toMatchObject({
      lastError: null,
      requestedBy: { id: second.apiKey.id },
      runs: { nodes: [{ requestedBy: { id: second.apiKey.id } }] },
    })
  })

  test('deletes it, and leaves its runs', async () => {
    await setData('2027-01-01T00:00:00Z')
    const made = await schedule()
    await lookAt('2026-11-28T05:00:00Z')
    const [run] = (await state(made)).runs.nodes
    const remove = `mutation ($id: ID!) { deleteReportSchedule(input: { id: $id }) { deletedId userErrors { code path } } }`
    const { client } = account
    expect(await client.request(remove, { id: made.id })).toEqual({
      deleteReportSchedule: { deletedId: made.id, userErrors: [] },
    })
    expect(await client.request(remove, { id: made.id })).toEqual({
      deleteReportSchedule: { deletedId: null, userErrors: [{ code: 'NOT_FOUND', path: ['input', 'id'] }] },
    })
    const { reportRun } = await client.request<{ reportRun: unknown }>(
      'query ($id: ID!) { reportRun(id: $id) { origin schedule { id } } }',
      { id: run?.id },
    )
    expect(reportRun).toEqual({ origin: 'SCHEDULE', schedule: null })
  })
})

test('schedules are listed newest first, page by page, both ways', async () => {
  const made = []
  for (const second of [1, 2, 3]) {
    setTime(`2026-11-27T12:00:0${second}Z`)
    made.unshift((await schedule()).id)
  }
  type Page = {
    totalCount: number
    nodes: { id: string }[]
    pageInfo: { endCursor: string; startCursor: string; hasNextPage: boolean; hasPreviousPage: boolean }
  }
  const page = async (args: string): Promise<Page> => {
    const { reportSchedules } = await account.client.request<{ reportSchedules: Page }>(
      `{ reportSchedules(${args}) {
        totalCount nodes { id } pageInfo { endCursor startCursor hasNextPage hasPreviousPage } } }`,
    )
    return reportSchedules
  }
  const ids = ({ nodes }: Page) => nodes.map(({ id }) => id)
  const first = await page('first: 2')
  expect([ids(first), first.totalCount, first.pageInfo.hasNextPage]).toEqual([made.slice(0, 2), 3, true])
  const second = await page(`first: 2, after: "${first.pageInfo.endCursor}"`)
  expect([ids(second), second.pageInfo.hasNextPage]).toEqual([made.slice(2), false])
  const back = await page(`last: 1, before: "${second.pageInfo.startCursor}"`)
  expect([ids(back), back.pageInfo.hasPreviousPage]).toEqual([made.slice(1, 2), true])
  const { reportSchedule, none } = await account.client.request<Record<string, { id: string } | null>>(
    `{ reportSchedule(id: "${made[1]}") { id } none: reportSchedule(id: "nonsense") { id } }`,
  )
  expect([reportSchedule, none]).toEqual([{ id: made[1] }, null])
  const { errors } = await account.client.execute('{ reportSchedules(after: "x") { totalCount } }')
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', argument: 'after' } }])
})

test('a worker looks each minute', async () => {
  await setData('2027-01-01T00:00:00Z')
  const made = await schedule()
  setTime('2026-11-28T05:00:00Z')
  const { database, dataDir } = parts
  const config = { role: 'worker' } as const
  await using _worker = await startTestGateway({ database, dataDir, reportTypes, now: () => now, config })
  expect(await parts.queue.boss.getSchedules(scheduleQueue)).toMatchObject([
    { cron: '* * * * *', timezone: 'UTC', options: { missed: 'once' } },
  ])
  // As the queue does when the minute is over.
  const [task] = await parts.queue.boss.getSchedules(scheduleQueue)
  await parts.queue.boss.send(scheduleQueue, task?.data ?? {}, { singletonKey: task?.key ?? '' })
  const isMade = async () => (await state(made)).runs.totalCount
  await expect.poll(isMade).toBe(1)
})
