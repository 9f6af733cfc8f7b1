import Papa from 'papaparse'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type DocumentedType, documentedTypes } from '../../support/documented-types.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../../support/gateway.ts'
import { minor, readBalance, readSummary, sumUp } from '../../support/report-sums.ts'
import { type FinishedReport, runReport } from '../../support/run-report.ts'
import { type ExportName, importExports, june, readExport } from '../../support/stripe-exports.ts'

function headerOf(text: string): string[] {
  return Papa.parse<string[]>(text, { preview: 1 }).data[0] ?? []
}

let gateway: TestGateway
let account: TestAccount
let imported: string
let reports: Map<string, FinishedReport>

async function importInto(owner: TestAccount, names: ExportName[]): Promise<string> {
  const { code, stdout, stderr } = await importExports(gateway, owner, names)
  expect(code, stderr).toBe(0)
  return stdout.toString()
}
function importAll() {
  return importInto(account, ['history', 'activity', 'payouts', 'reconciliation'])
}

function runType(
  { name, parameters: accepted }: DocumentedType,
  { columns, asker = account }: { columns?: string[]; asker?: TestAccount } = {},
) {
  const given = { ...june, columns }
  const parameters = Object.entries(given).filter(([key, value]) => value && accepted.includes(key))
  return runReport(asker, { byName: { name: name, parameters: Object.fromEntries(parameters) } })
}

function documentedType(name: string): DocumentedType {
  const type = documentedTypes.find((documented) => documented.name === name)
  if (!type) throw new Error(`${name} is not documented.`)
  return type
}

beforeAll(async () => {
  gateway = await startTestGateway()
  account = await gateway.createAccount({ livemode: true })
  imported = await importAll()
  const run = async (type: DocumentedType) => [type.name, await runType(type)] as const
  reports = new Map(await Promise.all(documentedTypes.map(run)))
})
afterAll(() => gateway[Symbol.asyncDispose]())

function rowsOf(name: string): Record<string, string>[] {
  return reports.get(name)?.rows ?? []
}

const complete = 'live mode is complete from 2026-05-31T22:00:00Z until 2026-06-30T22:00:00Z'

test('each kind of export is recognized, and together they complete the month', () => {
  const itemized = 'export of the itemized balance change or payout reconciliation'
  for (const sentence of [
    'balance_history.csv: 22 rows of an export of the balance history',
    `itemized_balance_change_from_activity.csv: 14 rows of an ${itemized}`,
    'itemized_payouts.csv: 7 rows of an export of the itemized payouts',
    `itemized_payout_reconciliation.csv.gz: 12 rows of an ${itemized}`,
    'Times in created, available_on, charge_created were read in Europe/Berlin (--timezone).',
    complete,
  ]) {
    expect(imported).toContain(sentence)
  }
  expect(imported).not.toMatch(/Automatic payouts that are not|does not know which payout/)
})

describe('every report of the catalog', () => {
  /** Rows of each family, for all versions, counted by hand. */
  const counts: Record<string, number> = {
    // Eight rows per currency.
    'balance.summary': 24,
    // One row per category, and one total per currency.
    'balance_change_from_activity.summary': 12,
    'balance_change_from_activity.itemized': 14,
    'payouts.summary': 5,
    'payouts.itemized': 7,
    'payout_reconciliation.summary': 10,
    'payout_reconciliation.itemized': 12,
    'payout_reconciliation.by_id.summary': 6,
    'payout_reconciliation.by_id.itemized': 5,
    'ending_balance_reconciliation.summary': 7,
    'ending_balance_reconciliation.itemized': 4,
    // Eleven fees that reduced other amounts, and one billed fee.
    'all_fees.balance_transaction_created.itemized': 12,
    // Thirty days in three currencies.
    'gateway.daily_balance': 90,
    'gateway.payout_breakdown': 6,
    // In euro: charges by card, direct debit and PayPal, a payout, a fee, and the tax on that fee. In dollars: charges by card
    // and Link, and a dispute. In yen: a charge.
    'gateway.fees_by_type': 10,
    // Two lines for each of 21 transactions, and one more for each of 11 fees.
    'gateway.journal': 53,
  }
  type Listed = { name: string; dataAvailableFrom: string; dataAvailableUntil: string }

  test('is listed with the imported month, and has its default columns and rows', async () => {
    const { reportTypes } = await account.client.request<{ reportTypes: { nodes: Listed[] } }>(
      '{ reportTypes { nodes { name dataAvailableFrom dataAvailableUntil } } }',
    )
    expect(reportTypes.nodes.map(({ name }) => name)).toEqual(documentedTypes.map(({ name }) => name))
    for (const { name, dataAvailableFrom, dataAvailableUntil } of reportTypes.nodes) {
      const available = [dataAvailableFrom, dataAvailableUntil].map((at) => new Date(at))
      expect(available, name).toEqual([new Date(june.interval_start), new Date(june.interval_end)])
      expect(reports.get(name)?.header, name).toEqual(documentedType(name).defaults)
      expect(reports.get(name)?.rows.length, name).toBe(counts[name.replace(/\.\d$/, '')])
    }
  })

  test('shows the same balance', () => {
    const balance = readBalance(rowsOf('balance.summary.1'))
    expect(balance.eur).toEqual({
      starting_balance: 0n,
      activity_gross: 492_60n,
      activity_fee: -10_67n,
      activity: 481_93n,
      payouts_gross: -413_53n,
      payouts_fee: -20n,
      payouts: -413_73n,
      ending_balance: 68_20n,
    })
    expect(balance.usd).toMatchObject({ activity: 353_38n, payouts: -273_38n, ending_balance: 80_00n })
    expect(balance.jpy).toMatchObject({ activity: 11_568n, payouts: 0n, ending_balance: 11_568n })
    for (const [family, version] of [
      ['balance_change_from_activity', 3],
      ['payouts', 3],
      ['payout_reconciliation', 5],
      ['payout_reconciliation.by_id', 4],
      ['ending_balance_reconciliation', 4],
    ]) {
      const summed = readSummary(rowsOf(`${family}.summary.1`))
      expect(summed, String(family)).toEqual(sumUp(rowsOf(`${family}.itemized.${version}`)))
    }
    const held = readSummary(rowsOf('ending_balance_reconciliation.summary.1'))
    for (const currency of ['eur', 'usd', 'jpy']) {
      expect(held.get(`${currency} total`)?.net).toBe(balance[currency]?.ending_balance)
    }
  })
})

describe("a report with the columns of Stripe's report is the same file", () => {
  test('the itemized activity', async () => {
    const text = await readExport('activity')
    const type = documentedType('balance_change_from_activity.itemized.3')
    const report = await runType(type, { columns: headerOf(text) })
    expect(report.text).toBe(text)
  })

  test('the payout reconciliation with all of its columns', async () => {
    const text = await readExport('reconciliation')
    const type = documentedType('payout_reconciliation.itemized.5')
    const keys = ['order_id', 'ticket', 'partner']
    const columns = type.columns.map((column) => column.replace('[key]', () => `[${keys.shift()}]`))
    const report = await runType(type, { columns })
    expect(report.header).toEqual(headerOf(text))
    expect(report.text).toBe(text)
  })

  test('the payouts, except for the net amount of a payout with a fee', async () => {
    const { data, meta } = Papa.parse<Record<string, string>>(await readExport('payouts'), {
      header: true,
      skipEmptyLines: true,
    })
    const { rows } = await runType(documentedType('payouts.itemized.3'), { columns: meta.fields ?? [] })
    const others = ({ gross, fee, net, ...row }: Record<string, string>) => row
    expect(rows.map(others)).toEqual(data.map(others))
    const amounts = (row: Record<string, string>) => [row.currency, row.gross, row.fee, row.net]
    // What left the balance: 20.00 and the fee of 0.20.
    const expected = data.map((row) => (row.fee === '0.20' ? { ...row, net: '20.20' } : row))
    expect(rows.map(amounts)).toEqual(expected.map(amounts))
  })
})

test('each automatic payout is the sum of the rows that it swept', () => {
  const sums: Record<string, bigint> = {}
  for (const { automatic_payout_id: id = '', net, currency } of rowsOf('payout_reconciliation.itemized.5')) {
    sums[id] = (sums[id] ?? 0n) + minor(net, currency)
  }
  const paid = rowsOf('payouts.itemized.3').filter((row) => row.reporting_category === 'payout')
  // All except the manual payout, which sweeps no rows.
  const automatic = paid.filter(({ payout_id }) => payout_id !== 'po_1RW07B4kWe9nTqX')
  expect(sums).toEqual(
    Object.fromEntries(automatic.map(({ payout_id, net, currency }) => [payout_id, minor(net, currency)])),
  )
})

test('the ending balance has the rows of a payout that is in transit', () => {
  const columns = ['automatic_payout_id', 'created', 'currency', 'net', 'reporting_category'] as const
  const held = rowsOf('ending_balance_reconciliation.itemized.4')
  expect(held.map((row) => columns.map((name) => row[name]))).toEqual([
    ['', '2026-06-11 05:02:01', 'jpy', '11568', 'charge'],
    ['po_1RW06B4kWe9nTqX', '2026-06-25 12:45:33', 'usd', '80.00', 'dispute_reversal'],
    ['', '2026-06-25 22:00:05', 'eur', '88.40', 'charge'],
    ['', '2026-06-26 17:20:00', 'eur', '-20.20', 'payout'],
  ])
})

test('the itemized activity and payouts alone produce the same reports, without the history', async () => {
  const asker = await gateway.createAccount({ livemode: true })
  const output = await importInto(asker, ['activity', 'payouts'])
  expect(output).toContain(complete)
  const names = ['balance.summary.1', 'balance_change_from_activity.itemized.3', 'payouts.summary.1']
  const texts = await Promise.all(
    names.map(async (name) => (await runType(documentedType(name), { asker })).text),
  )
  expect(texts).toEqual(names.map((name) => reports.get(name)?.text))
})

test('importing the same files again changes neither the ledger nor a report', async () => {
  const tables = ['balance_transactions', 'payouts', 'charges', 'customers', 'ledger_coverage']
  const readLedger = () =>
    Promise.all(
      tables.map(async (table) => {
        const [row] = await gateway.database.query<{ rows: unknown[] }>(
          `select jsonb_agg(to_jsonb(t) - 'updated_at' order by to_jsonb(t) ->> 'id') as rows
           from ${table} t where account_id = $1`,
          [account.accountId],
        )
        return row?.rows
      }),
    )
  const before = await readLedger()
  expect(before.map((rows) => rows?.length)).toEqual([22, 7, 8, 4, 1])
  await importAll()
  expect(await readLedger()).toEqual(before)
  const name = 'payout_reconciliation.itemized.5'
  const again = await runType(documentedType(name))
  expect(again.sha256).toBe(reports.get(name)?.sha256)
})
