import { afterAll, beforeAll, expect, test } from 'vitest'
import { demoAccountId } from '../src/demo.ts'
import { builtInReportTypes } from '../src/reports/catalog.ts'
import { payoutsSummary } from '../src/reports/families/payouts.ts'
import { startTestGateway, type TestGateway } from './gateway.ts'
import { requestReport, runReport } from './run-report.ts'

const liveOnly = { ...payoutsSummary, name: 'all_fees.summary.9', inputKey: null, requiresLiveMode: true }

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway({ withLedger: true, reportTypes: [...builtInReportTypes, liveOnly] })
})
afterAll(() => gateway[Symbol.asyncDispose]())

const parameters = { interval_start: '2026-09-01T00:00:00Z', interval_end: '2026-10-01T00:00:00Z' }
const report = { custom: { type: liveOnly.name, parameters } }

test('a type for live data refuses a test key, and nothing is created', async () => {
  const account = await gateway.createAccount({ accountId: demoAccountId, livemode: false })
  expect(await requestReport(account, report)).toEqual({
    reportRun: null,
    userErrors: [
      {
        code: 'LIVE_MODE_REQUIRED',
        message: 'all_fees.summary.9 runs on live data only. Use a live-mode API key.',
        path: ['input', 'report', 'custom', 'type'],
        allowed: null,
      },
    ],
  })
  expect(
    await gateway.database.query(
      `select (select count(*) from report_runs where not livemode) as runs,
         (select count(*) from report_gateway_queue.job) as jobs`,
    ),
  ).toEqual([{ runs: '0', jobs: '0' }])
})

test('with a live key it runs, on live data', async () => {
  const account = await gateway.createAccount({ accountId: demoAccountId, livemode: true })
  const { rows } = await runReport(account, report)
  const sums = await gateway.database.query<{ currency: string; count: string }>(
    `select currency, count(*) from balance_transactions
     where account_id = $1 and livemode and payout_id is not null
       and effective_at >= $2::timestamptz and effective_at < $3::timestamptz
     group by currency order by currency`,
    [demoAccountId, parameters.interval_start, parameters.interval_end],
  )
  const totals = rows.filter(({ reporting_category }) => reporting_category === 'total')
  expect(totals.map(({ currency, count }) => ({ currency, count }))).toEqual(sums)
  expect(sums.length).toBe(3)
})

test('the catalogue tells which types need a live key', async () => {
  const { client } = await gateway.createAccount()
  const { reportTypes } = await client.request<{
    reportTypes: { nodes: { name: string; inputKey: string | null; requiresLiveMode: boolean }[] }
  }>('{ reportTypes { nodes { name inputKey requiresLiveMode } } }')
  const needing = reportTypes.nodes.filter(({ requiresLiveMode }) => requiresLiveMode)
  expect(needing).toEqual([{ name: liveOnly.name, inputKey: null, requiresLiveMode: true }])
  expect(reportTypes.nodes).toHaveLength(6)
})
