import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { builtInReportTypes } from '../../../src/reports/catalog.ts'
import { guessBytes, guessMilliseconds } from '../../../src/runs/estimate/estimate.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import { insertRun } from '../../support/insert-run.ts'
import { create, created, type ShownError, slowInput } from '../../support/run-mutations.ts'
import { noteStatements } from '../../support/sent-statements.ts'
import { slowReport } from '../../support/slow-report.ts'

// Has no worker, so that the queue does not change.
let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway({
    reportTypes: [...builtInReportTypes, slowReport],
    config: { role: 'gateway', accountConcurrency: 2, dailyRuns: 3 },
  })
})
afterAll(() => gateway[Symbol.asyncDispose]())

type Estimate = {
  userErrors: ShownError[]
  rowCount: string | null
  byteSize: string | null
  queueDuration: string | null
  runDuration: string | null
  reusableRun: { id: string } | null
  warnings: string[]
}

async function estimate({ client }: TestAccount, variables: object): Promise<Estimate> {
  return (
    await client.request<{ estimateReportRun: Estimate }>(
      `query ($report: ReportInput!, $output: ReportOutputInput, $waitForData: Boolean! = false) {
        estimateReportRun(report: $report, output: $output, waitForData: $waitForData) {
          userErrors { __typename code message path ... on InputError { allowed } ... on LimitError { limit } }
          rowCount byteSize queueDuration runDuration reusableRun { id } warnings
        }
      }`,
      { ...variables },
    )
  ).estimateReportRun
}

function slow(parameters: object = {}) {
  return { report: { byName: { name: 'test.slow.1', parameters } } }
}

function balance(start: string, end: string, more: object = {}) {
  return {
    report: { balanceSummary1: { interval: { between: { start, end } }, ...more } },
  }
}

function cover({ accountId, livemode }: TestAccount) {
  const [availableFrom, availableUntil] = [new Date('2026-01-01T00:00:00Z'), new Date('2026-03-01T00:00:00Z')]
  const data = { accountId, livemode, availableFrom, availableUntil, updatedAt: availableUntil }
  return gateway.prisma.ledgerCoverage.create({ data })
}

const finished = {
  reportType: slowReport.name,
  status: 'SUCCEEDED',
  finishedAt: new Date(),
  parameters: {},
} as const

describe('an estimate', () => {
  test('counts the rows, creates nothing, and leaves the rest null when there are no past runs', async () => {
    const account = await gateway.createAccount()
    expect(await estimate(account, slow({ rows: '12' }))).toEqual({
      userErrors: [],
      rowCount: '12',
      byteSize: null,
      queueDuration: 'PT0S',
      runDuration: null,
      reusableRun: null,
      warnings: [],
    })
    const { prisma } = gateway
    const { accountId } = account
    const counts = [
      prisma.reportRun.count({ where: { accountId } }),
      prisma.dailyRunCount.count({ where: { accountId } }),
      prisma.reportRunEvent.count({ where: { accountId } }),
    ]
    expect(await Promise.all(counts)).toEqual([0, 0, 0])
  })

  test('predicts size and duration from the last runs of the type', async () => {
    const account = await gateway.createAccount()
    const past = { ...finished, rowCount: 2_000, byteSize: 30_000, runMilliseconds: 5_000 }
    await insertRun(gateway.prisma, account, past)
    await insertRun(gateway.prisma, account, { ...past, rowCount: 0, byteSize: 10, runMilliseconds: 1_000 })
    // Not used: another type, no result, another account.
    await insertRun(gateway.prisma, account, { ...past, reportType: 'balance.summary.1', byteSize: 9e9 })
    await insertRun(gateway.prisma, account, { ...past, status: 'FAILED', runMilliseconds: 1 })
    await insertRun(gateway.prisma, await gateway.createAccount(), { ...past, runMilliseconds: 1 })
    expect(await estimate(account, slow({ rows: '1000' }))).toMatchObject({
      rowCount: '1000',
      byteSize: '15005',
      runDuration: 'PT3S',
    })
  })

  test.each([
    ['are none', { rows: '0' }, '0', [/no rows/]],
    ['take too long to count', { rows: '77', count_seconds: '30' }, '77', [/is a guess/]],
    ['cannot be counted at all', { rows: '99999999999999999999' }, null, [/could not be counted/]],
  ])('warns when the rows %s', async (_what, parameters, rowCount, warnings) => {
    const account = await gateway.createAccount()
    expect(await estimate(account, slow(parameters))).toMatchObject({
      userErrors: [],
      rowCount,
      warnings: warnings.map((warning) => expect.stringMatching(warning)),
    })
  })

  test('does not start a count that is expected to be slow', async () => {
    const account = await gateway.createAccount()
    using sent = noteStatements()
    expect(await estimate(account, slow({ rows: '100000000' }))).toMatchObject({
      rowCount: '100000000',
      warnings: [expect.stringMatching(/is a guess/), expect.stringMatching(/a spreadsheet can open/)],
    })
    const ours = sent.statements().filter(({ application }) => application === 'report-gateway estimates')
    expect(ours.map(({ text }) => text.slice(0, 21))).toEqual(['explain (format json)'])
  })

  test('returns the same user errors as createReportRun, with paths that start at its own arguments', async () => {
    const account = await gateway.createAccount()
    await cover(account)
    const mistakes = [
      slow({ rows: 'many', speed: '1' }),
      { report: { byName: { name: 'none.1', parameters: {} } } },
      balance('2025-12-31T00:00:00Z', '2026-04-01T00:00:00Z', { columns: ['nothing'], currency: 'xts' }),
      { report: { balanceSummary1: { interval: { relative: 'YESTERDAY' }, timezone: 'PST' } } },
      { ...slow(), output: { formats: [] } },
      { ...slow(), output: { retention: 'PT0S' } },
    ]
    for (const mistake of mistakes) {
      const { userErrors, ...rest } = await estimate(account, mistake)
      expect(userErrors.length).toBeGreaterThan(0)
      const { userErrors: onCreate } = await create(account.client, mistake)
      expect(onCreate).toEqual(
        userErrors.map((error) => ({ ...error, path: ['input', ...(error.path ?? [])] })),
      )
      expect(Object.values(rest)).toEqual([null, null, null, null, null, []])
    }
  })

  test('allows data that is not available yet when the run can wait for it', async () => {
    const account = await gateway.createAccount()
    await cover(account)
    const early = balance('2026-02-01T00:00:00Z', '2026-04-01T00:00:00Z')
    expect((await estimate(account, early)).userErrors).toHaveLength(1)
    const { userErrors, warnings, ...unknown } = await estimate(account, { ...early, waitForData: true })
    expect(userErrors).toEqual([])
    expect(Object.values(unknown)).toEqual([null, null, null, null, null])
    expect(warnings).toEqual([expect.stringContaining('wait until data is available up to 2026-04-01')])
  })

  test('names the identical run that could be reused, however old it is', async () => {
    const account = await gateway.createAccount()
    const { id } = await created(account.client, slowInput({}, { rows: '3' }))
    expect((await estimate(account, slow({ rows: '3' }))).reusableRun).toBeNull()
    const ended = { status: 'SUCCEEDED', finishedAt: new Date(1) } as const
    await gateway.prisma.reportRun.update({ where: { id }, data: ended })
    expect((await estimate(account, slow({ rows: '3' }))).reusableRun).toEqual({ id })
    expect((await estimate(account, slow({ rows: '4' }))).reusableRun).toBeNull()
  })

  test('estimates the queue time, unless other runs wait for a worker, and reports the daily limit', async () => {
    const account = await gateway.createAccount()
    await insertRun(gateway.prisma, account, {
      ...finished,
      runMilliseconds: 60_000,
      rowCount: 1,
      byteSize: 1,
    })
    for (let i = 0; i < 2; i++) {
      await insertRun(gateway.prisma, account, { reportType: slowReport.name, status: 'RUNNING' })
    }
    expect((await estimate(account, slow())).queueDuration).toBe('PT1M')
    const other = await gateway.createAccount()
    for (let i = 0; i < 3; i++) await created(other.client)
    expect((await estimate(await gateway.createAccount(), slow())).queueDuration).toBeNull()
    expect((await estimate(other, slow())).userErrors).toEqual([
      expect.objectContaining({ __typename: 'LimitError', code: 'LIMIT_REACHED', limit: 3 }),
    ])
  })
})

describe('a guess from past runs', () => {
  const run = (rows: number, milliseconds: number, bytes = 0, columns = ['a']) => ({
    rows,
    milliseconds,
    bytes,
    parameters: { columns },
    formats: ['CSV' as const],
    compression: 'NONE' as const,
  })
  const request = { parameters: { columns: ['a'] }, formats: ['CSV' as const] }

  test.each([
    ['null without past runs', [], 5, null],
    ['that of the fastest run for no rows', [run(2_000, 500), run(0, 100)], 0, 100],
    ['longer for more rows', [run(0, 100), run(2_000, 500)], 4_000, 900],
    ['that of the largest run for as many rows', [run(10, 100), run(20, 300)], 20, 300],
    ['null for more rows than in small past runs', [run(10, 100), run(20, 300)], 21, null],
    ['that of the fastest run when all were empty', [run(0, 80), run(0, 70)], 0, 70],
  ])('of the duration is %s', (_what, history, rows, milliseconds) => {
    expect(guessMilliseconds(history, rows)).toBe(milliseconds)
  })

  test.each([
    ['null without past runs', [], null],
    ['null when past runs had no rows', [run(0, 1, 9)], null],
    ['the mean of all runs', [run(10, 1, 100), run(30, 1, 900)], 250n],
    ['without runs of other columns', [run(10, 1, 100), run(10, 1, 900, ['a', 'b'])], 100n],
    ['without compressed runs', [run(10, 1, 100), { ...run(10, 1, 1), compression: 'GZIP' as const }], 100n],
  ])('of the size is %s', (_what, history, bytes) => {
    expect(guessBytes(history, request, 10)).toBe(bytes)
  })
})
