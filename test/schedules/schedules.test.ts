import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createApiKey, revokeApiKey } from '../../src/auth/api-keys.ts'
import { builtInReportTypes, createCatalog } from '../../src/reports/catalog.ts'
import { createRunLoader } from '../../src/runs/list/find-run.ts'
import type { Services } from '../../src/runs/services.ts'
import { runDueSchedules } from '../../src/schedules/run-due.ts'
import { scheduleQueue } from '../../src/server/background-jobs.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { createGraphqlClient } from '../support/graphql-client.ts'
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
  // Has no worker: only the tests run due schedules.
  gateway = cleanup.use(await startTestGateway({ ...options, config: { role: 'gateway' } }))
  deps = {
    ...parts,
    runLoader: createRunLoader(parts.rows),
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

function runDue(): Promise<void> {
  return runDueSchedules(deps, new AbortController().signal)
}
async function runDueAt(text: string): Promise<void> {
  setTime(text)
  await runDue()
}

function balance(interval: string, timezone = 'Europe/Berlin') {
  return { balanceSummary1: { interval, timezone, currency: 'EUR' } }
}
function cron(expression: string, timezone?: string) {
  return { cron: { expression, timezone } }
}

/** Creates a schedule. Default: the balance of yesterday, at 06:00. */
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

describe('a report without a timezone', () => {
  const balanceSummary1 = { interval: 'PREVIOUS_MONTH' }
  const kolkata = cron('30 0 1 * *', 'Asia/Kolkata')
  const november = '2026-10-31T18:30:00Z/2026-11-30T18:30:00Z'

  test.each([
    ['of its own input', { balanceSummary1 }],
    ['by name', { byName: { name: 'balance.summary.1', interval: 'PREVIOUS_MONTH' } }],
    [
      'by name, with null',
      { byName: { name: 'balance.summary.1', interval: 'PREVIOUS_MONTH', parameters: { timezone: null } } },
    ],
    ['whose type takes none', { payoutsItemized2: balanceSummary1 }],
  ])('counts its interval in the timezone of the schedule: %s', async (_which, report) => {
    const made = await schedule({ report, trigger: kolkata })
    expect(made.nextRunAt).toBe('2026-11-30T19:00:00.000Z')
    await runDueAt('2026-11-30T19:00:00Z')
    const { runs, parameters } = await state(made)
    expect(intervals({ ...made, runs })).toEqual([november])
    expect(parameters.timezone ?? null).toBeNull()
    const [run] = runs.nodes
    const zone = 'payoutsItemized2' in report ? undefined : 'Asia/Kolkata'
    expect(run?.parameters.timezone).toBe(zone)
  })

  test('has the timezone of its report first, and UTC without any', async () => {
    const own = await schedule({
      report: { balanceSummary1: { ...balanceSummary1, timezone: 'America/New_York' } },
      trigger: kolkata,
    })
    const none = await schedule({ report: { balanceSummary1 }, trigger: cron('30 0 1 * *') })
    await runDueAt('2026-12-02T00:00:00Z')
    // On November 30 at 14:00 in New York.
    expect(intervals(await state(own))).toEqual(['2026-10-01T04:00:00Z/2026-11-01T04:00:00Z'])
    expect(intervals(await state(none))).toEqual(['2026-11-01T00:00:00Z/2026-12-01T00:00:00Z'])
  })

  test('keeps the timezone of its schedule when the expression changes, and follows a new one', async () => {
    const kept = await schedule({ report: { balanceSummary1 }, trigger: kolkata })
    const moved = await schedule({ report: { balanceSummary1 }, trigger: kolkata })
    await updateSchedule(account.client, kept.id, { trigger: cron('45 0 1 * *') })
    await updateSchedule(account.client, moved.id, { trigger: cron('30 0 1 * *', 'Europe/Berlin') })
    await runDueAt('2026-12-02T00:00:00Z')
    expect(intervals(await state(kept))).toEqual([november])
    expect(intervals(await state(moved))).toEqual(['2026-10-31T23:00:00Z/2026-11-30T23:00:00Z'])
  })

  test('is in UTC when data triggers it', async () => {
    await setData('2026-11-27T00:00:00Z')
    const report = { payoutsItemized2: { interval: 'YESTERDAY' } }
    const made = await schedule({ report, trigger: kolkata })
    await updateSchedule(account.client, made.id, { trigger: { onDataAvailable: 'P1D' } })
    await setData('2026-11-29T10:00:00Z')
    await runDue()
    expect(intervals(await state(made))).toEqual(['2026-11-28T00:00:00Z/2026-11-29T00:00:00Z'])
  })
})

describe('creating a schedule', () => {
  test('returns it as requested, with the next run in the timezone of the report', async () => {
    const made = await schedule({ label: 'Daily', tags: ['a', 'a', 'b'] })
    expect(made).toMatchObject({
      interval: 'YESTERDAY',
      parameters: { timezone: 'Europe/Berlin', currency: 'EUR' },
      output: { formats: ['CSV'], compression: 'NONE', retention: 'PT720H' },
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
    const given = { formats: ['CSV', 'JSONL', 'CSV'], compression: 'GZIP', retention: 'PT36H' }
    const { output } = await schedule({ output: given })
    expect(output).toEqual({ ...given, formats: ['CSV', 'JSONL'] })
  })

  test.each([
    [
      'a fixed interval',
      {
        report: {
          byName: {
            name: 'balance.summary.1',
            parameters: { interval_start: '2026-10-01T00:00:00Z', interval_end: '2026-11-01T00:00:00Z' },
          },
        },
      },
      [
        ['input', 'report', 'byName', 'parameters', 'interval_start'],
        /fixed interval_start, .* set "interval" beside the parameters: YESTERDAY, .* or PREVIOUS_PERIOD/,
      ],
    ],
    [
      'a fixed instant',
      {
        report: {
          byName: {
            name: 'ending_balance_reconciliation.summary.1',
            parameters: { interval_end: '2026-11-01T00:00:00Z' },
          },
        },
      },
      [['input', 'report', 'byName', 'parameters', 'interval_end'], /fixed interval_end, /],
    ],
    [
      'no interval',
      { report: { byName: { name: 'balance.summary.1' } } },
      [
        ['input', 'report', 'byName', 'parameters', 'interval_end'],
        /balance\.summary\.1 needs an interval\. Set "interval" beside the parameters: YESTERDAY, /,
      ],
    ],
    [
      'one payout',
      {
        report: { byName: { name: 'payout_reconciliation.by_id.summary.1', parameters: { payout: 'po_1' } } },
      },
      [['input', 'report', 'byName', 'name'], /one payout, which never changes/],
    ],
    [
      'a parameter that is not valid',
      { report: { balanceSummary1: { interval: 'YESTERDAY', timezone: 'PST' } } },
      [['input', 'report', 'balanceSummary1', 'timezone'], /is not a valid timezone/],
    ],
    [
      'an unknown type',
      { report: { byName: { name: 'nothing.1', parameters: {}, interval: 'YESTERDAY' } } },
      [['input', 'report', 'byName', 'name'], /There is no report type/],
    ],
    [
      'an interval that is given twice',
      {
        report: {
          byName: {
            name: 'balance.summary.1',
            parameters: { interval_end: '2026-11-01T00:00:00Z' },
            interval: 'YESTERDAY',
          },
        },
      },
      [['input', 'report', 'byName', 'interval'], /cannot be given as well/],
    ],
    [
      'six fields',
      { trigger: cron('0 0 6 * * *') },
      [['input', 'trigger', 'cron', 'expression'], /five fields/],
    ],
    [
      'a timezone that is not valid',
      { trigger: cron('0 6 * * *', '+01:00') },
      [['input', 'trigger', 'cron', 'timezone'], /"\+01:00" is not a valid timezone/],
    ],
    [
      'a period of two units',
      { trigger: { onDataAvailable: 'P1DT1H' } },
      [['input', 'trigger', 'onDataAvailable'], /P1DT1H is not a valid data period/],
    ],
    [
      'a retention that is too short',
      { output: { retention: 'PT0S' } },
      [['input', 'output', 'retention'], /^retention is PT0S\. Use a duration from PT1S to P3660D\.$/],
    ],
    ['an empty tag', { tags: [''] }, [['input', 'tags', '0'], /cannot be empty/]],
  ] as const)('rejects %s, and creates nothing', async (_name, input, [path, message]) => {
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

  test('uses the end of its interval for a report of one instant', async () => {
    await setData('2027-01-01T00:00:00Z')
    const made = await schedule({
      report: { endingBalanceReconciliationSummary1: { interval: 'PREVIOUS_MONTH' } },
    })
    expect(made.interval).toBe('PREVIOUS_MONTH')
    await runDueAt('2026-12-01T06:00:00Z')
    expect((await state(made)).runs.nodes).toMatchObject([
      { parameters: { interval_end: '2026-12-01T00:00:00Z' } },
    ])
  })
})

describe('a cron schedule', () => {
  test('creates one run each time, for the interval when it was due, however many processes run due schedules', async () => {
    await setData('2027-01-01T00:00:00Z')
    const made = await schedule({ label: 'Daily', tags: ['daily'] })
    await runDueAt('2026-11-28T04:59:59Z')
    expect(intervals(await state(made))).toEqual([])
    // So late that `YESTERDAY` would now be another day.
    setTime('2026-11-29T04:00:00Z')
    await Promise.all(Array.from({ length: 5 }, runDue))
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
    await runDueAt('2026-11-29T05:00:00Z')
    expect(intervals(await state(made))).toHaveLength(2)
    const { reportRuns } = await account.client.request<{ reportRuns: { totalCount: number } }>(
      '{ reportRuns(filter: { origins: [SCHEDULE] }) { totalCount } }',
    )
    expect(reportRuns.totalCount).toBe(2)
  })

  test('creates one run for missed occurrences, without a gap to the last run', async () => {
    await setData('2027-01-01T00:00:00Z')
    const made = await schedule({ report: balance('PREVIOUS_PERIOD'), trigger: cron('0 6 * * *', 'Etc/UTC') })
    await runDueAt('2026-11-28T06:00:20Z')
    await runDueAt('2026-12-02T12:00:00Z')
    await runDueAt('2026-12-03T06:00:00Z')
    expect(intervals(await state(made))).toEqual([
      '2026-12-02T06:00:00Z/2026-12-03T06:00:00Z',
      '2026-11-28T06:00:00Z/2026-12-02T06:00:00Z',
      '2026-11-27T06:00:00Z/2026-11-28T06:00:00Z',
    ])
  })

  test('creates a run that waits for missing data, and none for a time before the start of the data', async () => {
    await setData('2026-11-27T10:00:00Z')
    const made = await schedule()
    await runDueAt('2026-11-28T05:00:00Z')
    const { runs } = await state(made)
    const [run] = await gateway.prisma.reportRun.findMany({ where: { scheduleId: made.id } })
    expect(runs.nodes).toMatchObject([{ id: run?.id }])
    expect(run).toMatchObject({ status: 'PENDING', dataNeededUntil: new Date('2026-11-27T23:00:00Z') })
    await setData('2026-11-29T00:00:00Z', '2026-11-28T12:00:00Z')
    await runDueAt('2026-11-29T05:00:00Z')
    expect(await state(made)).toMatchObject({
      lastError: expect.stringContaining('is available from 2026-11-28T12:00:00Z'),
      nextRunAt: '2026-11-30T05:00:00.000Z',
      runs: { totalCount: 1 },
    })
  })

  test('advances only together with its run', async () => {
    await setData('2027-01-01T00:00:00Z')
    const made = await schedule()
    await gateway.database.query(`
      create function refuse_events() returns trigger language plpgsql
      as $$ begin raise exception 'The worker was killed here.'; end $$`)
    await gateway.database.query(
      'create trigger refuse_events before insert on report_run_events for each row execute function refuse_events()',
    )
    setTime('2026-11-28T05:00:00Z')
    await runDue()
    await gateway.database.query('drop function refuse_events cascade')
    expect(await state(made)).toMatchObject({ nextRunAt: made.nextRunAt, runs: { totalCount: 0 } })
    expect(parts.logged.filter(({ scheduleId }) => scheduleId === made.id)).toHaveLength(1)
    await runDue()
    expect(await state(made)).toMatchObject({ runs: { totalCount: 1 } })
  })

  test('tries a run again that the daily limit rejected, and logs it once', async () => {
    await setData('2027-01-01T00:00:00Z')
    const { accountId, livemode } = account
    const day = new Date('2026-11-30T00:00:00Z')
    await gateway.prisma.dailyRunCount.create({ data: { accountId, livemode, day, runs: 5 } })
    const made = await schedule({
      report: balance('PREVIOUS_PERIOD'),
      trigger: cron('0 6 30 * *', 'Etc/UTC'),
    })
    await runDueAt('2026-11-30T06:00:00Z')
    await runDueAt('2026-11-30T06:01:00Z')
    expect(await state(made)).toMatchObject({
      lastError: expect.stringContaining('daily limit of 5 report runs'),
      isActive: true,
      nextRunAt: '2026-11-30T06:00:00.000Z',
      runs: { totalCount: 0 },
    })
    expect(parts.logged.filter(({ scheduleId }) => scheduleId === made.id)).toHaveLength(1)
    await runDueAt('2026-12-01T00:00:30Z')
    const after = await state(made)
    expect(after).toMatchObject({ lastError: null, nextRunAt: '2026-12-30T06:00:00.000Z' })
    expect(intervals(after)).toEqual(['2026-10-30T06:00:00Z/2026-11-30T06:00:00Z'])
  })
})

test('a data schedule creates one run for all whole days of new data, and none before', async () => {
  await setData('2026-11-20T10:00:00Z')
  const made = await schedule({
    report: balance('PREVIOUS_PERIOD', 'Etc/UTC'),
    trigger: { onDataAvailable: 'P1D' },
  })
  expect(made).toMatchObject({ nextRunAt: null, trigger: { cron: null, onDataAvailable: 'P1D' } })
  await setData('2026-11-20T23:59:59Z')
  await runDue()
  expect((await state(made)).runs.totalCount).toBe(0)
  await setData('2026-11-23T08:00:00Z')
  await Promise.all([runDue(), runDue(), runDue()])
  await runDue()
  await setData('2026-11-24T00:00:00Z')
  await runDueAt('2026-11-27T12:01:00Z')
  expect(intervals(await state(made))).toEqual([
    '2026-11-23T00:00:00Z/2026-11-24T00:00:00Z',
    '2026-11-20T00:00:00Z/2026-11-23T00:00:00Z',
  ])
})

describe('changing a schedule', () => {
  test('pauses it, and resumes it from that time on', async () => {
    await setData('2027-01-01T00:00:00Z')
    const made = await schedule({ report: balance('PREVIOUS_PERIOD'), trigger: cron('0 6 * * *', 'Etc/UTC') })
    const paused = await updateSchedule(account.client, made.id, { isActive: false })
    expect(paused.reportSchedule).toMatchObject({ isActive: false, nextRunAt: null })
    await runDueAt('2026-12-05T12:00:00Z')
    const on = await updateSchedule(account.client, made.id, { isActive: true, label: 'On', tags: ['x'] })
    expect(on.reportSchedule).toMatchObject({ isActive: true, nextRunAt: '2026-12-06T06:00:00.000Z' })
    await runDueAt('2026-12-06T06:00:00Z')
    const after = await state(made)
    expect(intervals(after)).toEqual(['2026-12-05T06:00:00Z/2026-12-06T06:00:00Z'])
    expect(after.runs.nodes).toMatchObject([{ label: 'On', tags: ['x'] }])
  })

  test('replaces its trigger at once, and rejects one that is not valid', async () => {
    const made = await schedule()
    const { reportSchedule } = await updateSchedule(account.client, made.id, { trigger: cron('0 * * * *') })
    expect(reportSchedule).toMatchObject({ nextRunAt: '2026-11-27T13:00:00.000Z' })
    const refused = await updateSchedule(account.client, made.id, { trigger: cron('x'), label: 'New' })
    expect(refused.userErrors).toMatchObject([{ path: ['input', 'trigger', 'cron', 'expression'] }])
    expect(await state(made)).toEqual(reportSchedule)
  })

  test('removes a label that is null, and does not change other fields that are null', async () => {
    const made = await schedule({ label: 'Old', tags: ['kept'] })
    const nulls = { isActive: null, trigger: null, tags: null, label: null }
    const { reportSchedule, userErrors } = await updateSchedule(account.client, made.id, nulls)
    expect(userErrors).toEqual([])
    expect(reportSchedule).toEqual({ ...made, label: null })
  })

  test('leaves no gap when its trigger changes between two runs', async () => {
    await setData('2027-01-01T00:00:00Z')
    const made = await schedule({ report: balance('PREVIOUS_PERIOD'), trigger: cron('0 6 * * *', 'Etc/UTC') })
    await updateSchedule(account.client, made.id, { trigger: cron('0 * * * *', 'Etc/UTC') })
    await runDueAt('2026-11-27T13:00:00Z')
    await updateSchedule(account.client, made.id, { trigger: cron('0 6 * * *', 'Etc/UTC') })
    await runDueAt('2026-11-28T06:00:00Z')
    expect(intervals(await state(made))).toEqual([
      '2026-11-27T13:00:00Z/2026-11-28T06:00:00Z',
      '2026-11-27T06:00:00Z/2026-11-27T13:00:00Z',
    ])
  })

  test('loses no change when many requests change it while it creates a run', async () => {
    await setData('2027-01-01T00:00:00Z')
    const made = await schedule()
    setTime('2026-11-28T05:00:00Z')
    const labels = ['one', 'two', 'three']
    await Promise.all([
      runDue(),
      ...labels.map((label) => updateSchedule(account.client, made.id, { label })),
      updateSchedule(account.client, made.id, { tags: ['kept'] }),
    ])
    // If a change came first, the run is left to the next call.
    await runDue()
    const after = await state(made)
    expect(after).toMatchObject({ tags: ['kept'], label: expect.stringMatching(/^(one|two|three)$/) })
    expect(after.runs.totalCount).toBe(1)
  })

  test('is paused when its key is revoked, and resumes with the key that activates it', async () => {
    await setData('2027-01-01T00:00:00Z')
    const made = await schedule()
    const { accountId, livemode } = account
    const second = await createApiKey(gateway.prisma, { accountId, livemode, name: 'Second' })
    await revokeApiKey(gateway.prisma, account.apiKeyId)
    account.client = createGraphqlClient(gateway.url, second.secret)
    await runDueAt('2026-11-28T05:00:00Z')
    expect(await state(made)).toMatchObject({
      isActive: false,
      nextRunAt: null,
      lastError: expect.stringContaining(account.apiKeyId),
      runs: { totalCount: 0 },
    })
    await updateSchedule(account.client, made.id, { isActive: true })
    await runDueAt('2026-11-29T05:00:00Z')
    expect(await state(made)).toMatchObject({
      lastError: null,
      requestedBy: { id: second.apiKey.id },
      runs: { nodes: [{ requestedBy: { id: second.apiKey.id } }] },
    })
  })

  test('deletes it, and keeps its runs', async () => {
    await setData('2027-01-01T00:00:00Z')
    const made = await schedule()
    await runDueAt('2026-11-28T05:00:00Z')
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

test('schedules are listed newest first, in pages, in both directions', async () => {
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

test('a worker runs due schedules each minute', async () => {
  await setData('2027-01-01T00:00:00Z')
  const made = await schedule()
  setTime('2026-11-28T05:00:00Z')
  const { database, dataDir } = parts
  const config = { role: 'worker' } as const
  await using _worker = await startTestGateway({ database, dataDir, reportTypes, now: () => now, config })
  expect(await parts.queue.boss.getSchedules(scheduleQueue)).toMatchObject([
    { cron: '* * * * *', timezone: 'UTC', options: { missed: 'once' } },
  ])
  // As the queue does each minute.
  const [task] = await parts.queue.boss.getSchedules(scheduleQueue)
  await parts.queue.boss.send(scheduleQueue, task?.data ?? {}, { singletonKey: task?.key ?? '' })
  const countRuns = async () => (await state(made)).runs.totalCount
  await expect.poll(countRuns).toBe(1)
})
