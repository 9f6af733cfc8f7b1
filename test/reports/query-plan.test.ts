import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoAccountId } from '../../src/demo/demo.ts'
import { renderReport } from '../../src/reports/render.ts'
import { builtInType } from '../support/built-in-type.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { runReport } from '../support/run-report.ts'

const activityItemized3 = builtInType('balance_change_from_activity.itemized.3')
const payoutsItemized3 = builtInType('payouts.itemized.3')

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway({ withLedger: true })
  account = await gateway.createAccount({ accountId: demoAccountId })
})
afterAll(() => gateway[Symbol.asyncDispose]())

type PlanNode = {
  'Node Type': string
  'Relation Name'?: string
  'Index Name'?: string
  'Index Cond'?: string
  Plans?: PlanNode[]
}

function allNodes(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(allNodes)]
}

/** The plan of a query: the tables that Postgres reads and the indexes that it uses. */
async function explain(query: string) {
  const [row] = await gateway.database.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
    `explain (format json) ${query}`,
  )
  const nodes = row?.['QUERY PLAN'].flatMap(({ Plan }) => allNodes(Plan)) ?? []
  const named = (name: 'Relation Name' | 'Index Name') =>
    [...new Set(nodes.flatMap((node) => node[name] ?? []))].sort()
  return {
    tables: named('Relation Name'),
    indexes: named('Index Name'),
    conditions: nodes.flatMap((node) => node['Index Cond'] ?? []),
    /** Tables with a sequential scan. */
    scanned: nodes.flatMap((node) => (node['Node Type'] === 'Seq Scan' ? (node['Relation Name'] ?? []) : [])),
  }
}

function queryOf(copyText: string): string {
  const [, query] = /^copy \((.*)\) to stdout \(format csv, force_quote \*\)$/s.exec(copyText) ?? []
  if (!query) throw new Error(`Unexpected COPY statement: ${copyText}`)
  return query
}

const oneDay = { interval_start: '2026-09-02T00:00:00Z', interval_end: '2026-09-03T00:00:00Z' }
function render(columns: string[], type = activityItemized3, interval = oneDay) {
  return renderReport(type, account, {
    ...interval,
    timezone: 'Europe/Berlin',
    decimal_separator: '.',
    columns,
  })
}

describe('one day of itemized activity', () => {
  const timeIndex = 'balance_transactions_account_id_livemode_effective_at_idx'

  test('uses the index on account, mode and time', async () => {
    const plan = await explain(queryOf(render(['created', 'gross', 'net', 'description']).copyText.CSV))
    expect(plan.indexes).toEqual([timeIndex])
    expect(plan.conditions.join()).toMatch(/account_id.*livemode.*effective_at.*effective_at/s)
  })

  test.each([
    [['balance_transaction_id', 'created', 'gross', 'fee', 'net', 'description', 'charge_id'], []],
    [['refund_metadata[key]', 'customer_facing_amount', 'automatic_payout_id'], []],
    [['gross', 'card_brand', 'payment_metadata[order_id]', 'customer_id'], ['charges']],
    [
      ['gross', 'customer_email', 'customer_address_city'],
      ['charges', 'customers'],
    ],
    [['gross', 'automatic_payout_effective_at'], ['payouts']],
    [
      ['gross', 'trace_id', 'customer_name'],
      ['charges', 'customers', 'payouts'],
    ],
  ])('reads only the tables of its columns: %j', async (columns, others) => {
    const { tables } = await explain(queryOf(render(columns).copyText.CSV))
    expect(tables).toEqual(['balance_transactions', ...others])
  })

  test('is counted without other tables', async () => {
    const plan = await explain(render(['customer_email', 'trace_id']).rowsText)
    expect(plan).toMatchObject({ tables: ['balance_transactions'], indexes: [timeIndex] })
  })
})

test('a payout is joined once', async () => {
  const { tables, indexes } = await explain(
    queryOf(render(['payout_id', 'payout_status', 'trace_id_status'], payoutsItemized3).copyText.CSV),
  )
  expect(tables).toEqual(['balance_transactions', 'payouts'])
  expect(indexes).toContain('balance_transactions_account_id_livemode_effective_at_idx')
})

const aPayout = { payout: 'po_1' }
const aMoment = { interval_end: oneDay.interval_end }
const columns = ['automatic_payout_id', 'automatic_payout_effective_at', 'gross', 'customer_email']

test.each([
  ['payout_reconciliation.itemized.5', { ...oneDay, columns }],
  ['payout_reconciliation.summary.1', oneDay],
  ['payout_reconciliation.by_id.itemized.4', { ...aPayout, columns }],
  ['payout_reconciliation.by_id.summary.1', aPayout],
  ['ending_balance_reconciliation.itemized.4', { ...aMoment, columns }],
  ['ending_balance_reconciliation.summary.1', aMoment],
])('%s finds its rows by the payouts that swept them', async (name, parameters) => {
  const report = renderReport(builtInType(name), account, parameters)
  for (const query of [queryOf(report.copyText.CSV), report.rowsText]) {
    const plan = await explain(query)
    expect(plan.indexes).toContain('balance_transactions_automatic_payout_idx')
    expect(plan.conditions.join()).toMatch(/account_id.*livemode.*automatic_payout_id/s)
    expect(plan.scanned).not.toContain('balance_transactions')
  }
})

describe('the same request', () => {
  const interval = { between: { start: '2026-08-01T00:00:00Z', end: '2026-09-01T00:00:00Z' } }
  const reports = [
    { balanceSummary1: { interval } },
    { balanceChangeFromActivitySummary1: { interval } },
    { balanceChangeFromActivityItemized3: { interval, columns: ['gross', 'customer_name', 'trace_id'] } },
    { payoutsSummary1: { interval } },
    { payoutsItemized3: { interval } },
    { payoutReconciliationItemized5: { interval, columns: ['automatic_payout_id', 'gross', 'fee'] } },
    { endingBalanceReconciliationItemized4: { intervalEnd: interval.between.end } },
  ]

  test('writes the same bytes after the rows were moved within the table', async () => {
    const hashes = async () => {
      const finished = await Promise.all(reports.map((report) => runReport(account, report)))
      return finished.map(({ sha256 }) => sha256)
    }
    const first = await hashes()
    expect(await hashes()).toEqual(first)
    await gateway.database.query(`
      with moved as (
        delete from balance_transactions
        where effective_at >= '2026-08-01T00:00:00Z' and effective_at < '2026-09-01T00:00:00Z'
        returning *
      )
      insert into balance_transactions select * from moved order by md5(id)`)
    await gateway.database.query('analyze balance_transactions')
    expect(await hashes()).toEqual(first)
    expect(new Set(first).size).toBe(reports.length)
  })
})
