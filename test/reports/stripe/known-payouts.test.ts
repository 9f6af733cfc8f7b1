import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { importFile } from '../../../src/ledger/import/import-file.ts'
import { createConnection } from '../../../src/postgres/client.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import { requestReport, runReport } from '../../support/run-report.ts'
import { createSchedule } from '../../support/schedules.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())

/** A balance history of a month: a charge, and the automatic payout that swept it. */
function history(month: string, withTransfer: boolean): string {
  const rows = [
    `txn_${month}_1,charge,ch_1,100.00,3.20,96.80,usd,2026-${month}-01 10:00,2026-${month}-03 00:00`,
    `txn_${month}_2,payout,po_${month},-96.80,0.00,-96.80,usd,2026-${month}-03 02:00,2026-${month}-05 00:00`,
  ].map((row) => (withTransfer ? `${row},po_${month},2026-${month}-05 00:00` : row))
  const header = 'id,Type,Source,Amount,Fee,Net,Currency,Created (UTC),Available On (UTC)'
  return [withTransfer ? `${header},Transfer,Transfer Date (UTC)` : header, ...rows].join('\n')
}

async function load(owner: TestAccount, text: string, from: string, until: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'report-gateway-known-payouts-'))
  const client = createConnection(gateway.database.url, 'test')
  try {
    await client.connect()
    const path = join(folder, 'history.csv')
    await writeFile(path, text)
    await utimes(path, new Date(), new Date('2026-11-20T12:00:00Z'))
    await importFile(client, owner, path, {
      timezone: 'UTC',
      declared: { from: new Date(from), until: new Date(until) },
      isPart: false,
      areMajorUnits: false,
      skipBad: false,
      now: new Date('2026-11-22T00:00:00Z'),
      onProgress: () => {},
      signal: new AbortController().signal,
    })
  } finally {
    await client.end()
    await rm(folder, { recursive: true })
  }
}

const september = { start: '2026-09-01T00:00:00Z', end: '2026-10-01T00:00:00Z' }
const october = { start: '2026-10-01T00:00:00Z', end: '2026-11-01T00:00:00Z' }
const interval = { between: september }
const reports = [
  [{ payoutReconciliationSummary1: { interval } }, ['interval', 'between', 'end']],
  [{ payoutReconciliationItemized5: { interval } }, ['interval', 'between', 'end']],
  [{ payoutReconciliationByIdSummary1: { payout: 'po_09' } }, ['payout']],
  [{ payoutReconciliationByIdItemized4: { payout: 'po_09' } }, ['payout']],
  [{ endingBalanceReconciliationSummary1: { intervalEnd: september.end } }, ['intervalEnd']],
  [{ endingBalanceReconciliationItemized4: { intervalEnd: september.end } }, ['intervalEnd']],
  [{ gatewayPayoutBreakdown1: { interval } }, ['interval', 'between', 'end']],
] as const

test('reconciliations are refused while it is not known which payouts swept the rows', async () => {
  const account = await gateway.createAccount()
  await load(account, history('09', false), '2026-09-01', '2026-10-01')
  for (const [report, path] of reports) {
    const { reportRun, userErrors } = await requestReport(account, report)
    expect(reportRun).toBeNull()
    expect(userErrors).toEqual([
      {
        code: 'INVALID_VALUE',
        message:
          'The ledger does not know which payouts include the balance transactions from 2026-09-01T00:00:00Z until ' +
          ('payout' in Object.values(report)[0] ? '2026-09-03T02:00:00Z' : '2026-10-01T00:00:00Z') +
          ', because an imported export lacks the column Transfer or automatic_payout_id. Import the balance history of that time again with the column Transfer, or sync it from Stripe.',
        path: ['input', 'report', Object.keys(report)[0], ...path],
        allowed: null,
      },
    ])
  }
  const { rows } = await runReport(account, { balanceSummary1: { interval } })
  expect(rows.at(-1)).toMatchObject({ category: 'ending_balance', net_amount: '0.00' })

  await load(account, history('09', true), '2026-09-01', '2026-10-01')
  for (const [report] of reports) expect((await requestReport(account, report)).userErrors).toEqual([])
})

test('a schedule of a reconciliation is refused as well, and accepted when the payouts are known', async () => {
  const account = await gateway.createAccount()
  await load(account, history('09', false), '2026-09-01', '2026-10-01')
  const input = {
    report: { payoutReconciliationItemized5: { interval: 'PREVIOUS_MONTH' } },
    trigger: { cron: { expression: '0 6 1 * *' } },
  }
  const refused = await createSchedule(account.client, input)
  expect(refused).toMatchObject({
    reportSchedule: null,
    userErrors: [{ message: expect.stringContaining('Import the balance history of that time again') }],
  })
  await load(account, history('09', true), '2026-09-01', '2026-10-01')
  expect((await createSchedule(account.client, input)).userErrors).toEqual([])
})

test('an interval is accepted up to the first time whose payouts are not known', async () => {
  const account = await gateway.createAccount()
  await load(account, history('09', true), '2026-09-01', '2026-10-01')
  await load(account, history('10', false), '2026-10-01', '2026-11-01')
  const errorsOf = async (between: typeof september) =>
    (await requestReport(account, { payoutReconciliationItemized5: { interval: { between } } })).userErrors
  expect(await errorsOf(september)).toEqual([])
  expect(await errorsOf(october)).toMatchObject([
    { message: expect.stringContaining('from 2026-10-01T00:00:00Z until 2026-11-01T00:00:00Z') },
  ])
})

test('a run that waited for data fails when the payouts in it are not known', async () => {
  const account = await gateway.createAccount()
  await load(account, history('09', true), '2026-09-01', '2026-10-01')
  const { createReportRun } = await account.client.request<{
    createReportRun: { reportRun: { id: string } }
  }>(
    'mutation ($input: CreateReportRunInput!) { createReportRun(input: $input) { reportRun { id } userErrors { message } } }',
    {
      input: {
        report: { payoutReconciliationSummary1: { interval: { between: october } } },
        waitForData: true,
      },
    },
  )
  await load(account, history('10', false), '2026-10-01', '2026-11-01')
  const query = 'subscription ($id: ID!) { reportRun(id: $id) { status failure { code message } } }'
  let last: unknown
  for await (const { data } of account.client.subscribe(query, { id: createReportRun.reportRun.id }))
    last = data
  expect(last).toMatchObject({
    reportRun: {
      status: 'FAILED',
      failure: {
        code: 'INVALID_PARAMETERS',
        message: expect.stringMatching(/^The ledger does not know which/),
      },
    },
  })
})
