import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoAccountId } from '../../../src/demo/demo.ts'
import { builtInReportTypes } from '../../../src/reports/catalog.ts'
import { builtInType } from '../../support/built-in-type.ts'
import { startTestGateway, type TestGateway } from '../../support/gateway.ts'
import { currencies, minor } from '../../support/report-sums.ts'
import { requestReport, runReport } from '../../support/run-report.ts'

const liveOnly = {
  ...builtInType('payouts.summary.1'),
  name: 'all_fees.summary.9',
  requiresLiveMode: true,
}

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway({ withLedger: true, reportTypes: [...builtInReportTypes, liveOnly] })
})
afterAll(() => gateway[Symbol.asyncDispose]())

const parameters = { interval_start: '2026-09-01T00:00:00Z', interval_end: '2026-10-01T00:00:00Z' }
const report = { byName: { name: liveOnly.name, parameters } }

test('a type for live data rejects a test key and creates nothing', async () => {
  const account = await gateway.createAccount({ accountId: demoAccountId, livemode: false })
  expect(await requestReport(account, report)).toEqual({
    reportRun: null,
    userErrors: [
      {
        code: 'LIVE_MODE_REQUIRED',
        message: 'all_fees.summary.9 runs on live data only. Use a live-mode API key.',
        path: ['input', 'report', 'byName', 'name'],
        allowed: null,
      },
    ],
  })
  expect(
    await gateway.database.query(
      `select (select count(*) from report_runs where not livemode) as runs,
         (select count(*) from report_gateway_queue.job where data ? 'runId') as jobs`,
    ),
  ).toEqual([{ runs: '0', jobs: '0' }])
})

test('a type for live data runs on live data with a live key', async () => {
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

test('the catalog shows which types require a live key', async () => {
  const { client } = await gateway.createAccount()
  const { reportTypes } = await client.request<{
    reportTypes: { nodes: { name: string; requiresLiveMode: boolean }[] }
  }>('{ reportTypes { nodes { name requiresLiveMode } } }')
  const liveOnlyTypes = reportTypes.nodes.filter(({ requiresLiveMode }) => requiresLiveMode)
  expect(liveOnlyTypes.map(({ name }) => name)).toEqual([
    'all_fees.balance_transaction_created.itemized.2',
    liveOnly.name,
  ])
  expect(reportTypes.nodes).toHaveLength(builtInReportTypes.length + 1)
})

describe('the itemized fees', () => {
  const between = { start: parameters.interval_start, end: parameters.interval_end }
  const month = 'effective_at >= $2::timestamptz and effective_at < $3::timestamptz'
  const given = [demoAccountId, between.start, between.end]
  const columns = ['currency', 'amount', 'tax', 'fee_transaction_id', 'fee_description', 'incurred_by_type']
  const readFees = async () => {
    const account = await gateway.createAccount({ accountId: demoAccountId, livemode: true })
    const report = { allFeesBalanceTransactionCreatedItemized2: { interval: { between }, columns } }
    return (await runReport(account, report)).rows
  }
  const sum = (rows: Record<string, string>[], name: string, currency: string) =>
    rows.reduce(
      (total, row) => total + (row.currency === currency && row[name] ? minor(row[name], currency) : 0n),
      0n,
    )

  /** Fees in the ledger, both deducted from other transactions and billed separately. */
  const storedFees = () =>
    gateway.database.query<{ currency: string; fees: string; tax: string }>(
      `select currency, sum(fee) + sum(-amount) filter (where type in ('stripe_fee', 'tax_fee')) as fees,
         sum(-amount) filter (where type = 'tax_fee') + coalesce((
           select sum(detail.amount) from fee_details detail
           join balance_transactions taken on taken.id = detail.balance_transaction_id
           where detail.type = 'tax' and taken.currency = bt.currency and taken.account_id = $1 and taken.livemode
             and taken.${month}), 0) as tax
       from balance_transactions bt where account_id = $1 and livemode and ${month}
       group by currency order by currency`,
      given,
    )

  test('add up to the fees and the tax in the ledger', async () => {
    const rows = await readFees()
    const stored = await storedFees()
    expect(stored.map(({ currency }) => currency)).toEqual(currencies)
    for (const { currency, fees, tax } of stored) {
      expect([sum(rows, 'amount', currency), sum(rows, 'tax', currency)]).toEqual([BigInt(fees), BigInt(tax)])
    }
  })

  test('include the parts of deducted fees, and fees billed separately', async () => {
    const rows = await readFees()
    const kinds = Object.groupBy(rows, (row) =>
      `${row.fee_description} ${row.incurred_by_type}`.replace(/ \(.*\)/, ''),
    )
    expect(Object.keys(kinds)).toEqual(
      expect.arrayContaining([
        'Payment processing charge',
        'VAT charge',
        'Consumption tax charge',
        'Dispute handling dispute',
      ]),
    )
    expect(kinds['Payment processing charge']?.every((row) => row.tax === '0.00' || row.tax === '0')).toBe(
      true,
    )
    expect(kinds['VAT charge']?.every((row) => row.tax === row.amount)).toBe(true)
    const billed = rows.filter((row) => row.fee_transaction_id)
    expect(billed.length).toBeGreaterThan(currencies.length)
    expect(billed.filter((row) => row.incurred_by_type !== '')).toEqual([])
  })

  test('have one row and no tax for a fee without details in the ledger', async () => {
    const before = await readFees()
    await gateway.database.query(
      `delete from fee_details where balance_transaction_id in (select id from balance_transactions where fee <> 0)`,
    )
    const after = await readFees()
    expect(after.length).toBeLessThan(before.length)
    for (const currency of currencies) {
      expect(sum(after, 'amount', currency)).toBe(sum(before, 'amount', currency))
    }
    const taken = after.filter((row) => row.fee_transaction_id === '')
    expect(taken.filter((row) => row.tax !== '' || row.fee_description !== '')).toEqual([])
  })
})
