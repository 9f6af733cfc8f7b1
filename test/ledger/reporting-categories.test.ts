import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { reportingCategoryOf } from '../../src/ledger/import/reporting-category.ts'
import { reportingCategories } from '../../src/ledger/reporting-categories.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { requestReport, runReport } from '../support/run-report.ts'

test("every type of Stripe's API has a category that a filter accepts", async () => {
  const declarations = new URL(
    '../../node_modules/stripe/esm/resources/BalanceTransactions.d.ts',
    import.meta.url,
  )
  const [, union = ''] = /type Type = ([^;]+);/.exec(await readFile(declarations, 'utf8')) ?? []
  const types = [...union.matchAll(/'(\w+)'/g)].map(([, type = '']) => type)
  expect(types.length).toBeGreaterThan(50)
  const row = { sourceId: null, description: null, amount: 1, net: 1 }
  const unknown = types.filter((type) => {
    const known: readonly string[] = reportingCategories
    return !known.includes(reportingCategoryOf(type, row))
  })
  expect(unknown).toEqual([])
})

describe('filters accept what the ledger can hold', () => {
  let gateway: TestGateway
  let account: TestAccount
  beforeAll(async () => {
    gateway = await startTestGateway()
    account = await gateway.createAccount()
    const { accountId } = account
    await gateway.database.query(
      `insert into ledger_coverage (account_id, livemode, available_from, available_until, updated_at)
       values ($1, false, '2026-01-01', '2026-05-01', now())`,
      [accountId],
    )
    for (const [id, category, currency] of [
      ['txn_1', 'inbound_transfer', 'usdc'],
      ['txn_2', 'brand_new_category', 'usd'],
      ['txn_3', 'charge', 'usd'],
    ]) {
      await gateway.database.query(
        `insert into balance_transactions (account_id, livemode, id, reporting_category, currency, amount, fee, net,
           created, effective_at) values ($1, false, $2, $3, $4, 1250, 0, 1250, '2026-03-01', '2026-03-01')`,
        [accountId, id, category, currency],
      )
    }
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  const between = { start: '2026-03-01T00:00:00Z', end: '2026-04-01T00:00:00Z' }
  const ends = { interval_start: between.start, interval_end: between.end }
  const columns = ['balance_transaction_id', 'gross', 'currency']
  const name = 'balance_change_from_activity.itemized.3'

  test.each([
    ['reportingCategory', { reportingCategory: 'INBOUND_TRANSFER' }, ['txn_1', '12.50', 'usdc']],
    ['currency', { currency: 'USDC' }, ['txn_1', '12.50', 'usdc']],
  ])('%s in its own input', async (_which, filter, row) => {
    const report = { balanceChangeFromActivityItemized3: { interval: { between }, columns, ...filter } }
    expect((await runReport(account, report)).rows.map((values) => Object.values(values))).toEqual([row])
  })

  test.each([
    [{ reporting_category: 'inbound_transfer' }, 'txn_1'],
    [{ reporting_category: 'brand_new_category' }, 'txn_2'],
    [{ currency: 'usdc' }, 'txn_1'],
  ])('%j by name', async (filter, id) => {
    const report = { byName: { name, parameters: { ...ends, columns, ...filter } } }
    expect((await runReport(account, report)).rows).toMatchObject([{ balance_transaction_id: id }])
  })

  test('but not a category that neither Stripe nor the ledger of the account has', async () => {
    const other = await gateway.createAccount()
    for (const [asker, category] of [
      [account, 'charges'],
      [other, 'brand_new_category'],
    ] as const) {
      const report = { byName: { name, parameters: { ...ends, reporting_category: category } } }
      const { userErrors } = await requestReport(asker, report)
      expect(userErrors[0]).toMatchObject(
        asker === other
          ? { message: expect.stringContaining('There is no data') }
          : { message: expect.stringMatching(/^"charges" is not a valid reporting category\./) },
      )
    }
  })
})
