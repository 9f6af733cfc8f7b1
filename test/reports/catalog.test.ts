import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoAccountId } from '../../src/demo/demo.ts'
import { createCatalog } from '../../src/reports/catalog.ts'
import { documentedTypes } from '../support/documented-types.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { requestReport, runReport } from '../support/run-report.ts'
import { slowReport } from '../support/slow-report.ts'

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway({ withLedger: true })
  account = await gateway.createAccount({ accountId: demoAccountId })
})
afterAll(() => gateway[Symbol.asyncDispose]())

function words(text: string): string[] {
  return text.trim().split(/\s+/)
}
/** One or two types for each way in which columns are defined. */
const reportTypes = documentedTypes.filter(
  ({ name, replacedBy }) => replacedBy === null && /^(?:balance|payouts)[._]/.test(name),
)
const activityColumns = documentedTypes.find(
  ({ inputKey }) => inputKey === 'balanceChangeFromActivityItemized3',
)?.columns

type CatalogResponse = {
  reportTypes: {
    nodes: {
      name: string
      inputKey: string | null
      title: string
      description: string
      requiresLiveMode: boolean
      formats: string[]
      deprecationReason: string | null
      replacedBy: { name: string } | null
      parameters: { name: string; isRequired: boolean; description: string }[]
      columns: { name: string; isDefault: boolean; type: string; description: string }[]
    }[]
  }
}

async function readCatalog(): Promise<CatalogResponse['reportTypes']['nodes']> {
  const { reportTypes: page } = await account.client.request<CatalogResponse>(`{
    reportTypes { nodes {
      name inputKey title description requiresLiveMode formats deprecationReason replacedBy { name }
      parameters { name isRequired description }
      columns { name isDefault type description }
    } }
  }`)
  return page.nodes
}

const interval = { between: { start: '2026-09-02T00:00:00Z', end: '2026-09-03T00:00:00Z' } }
function liveAccount() {
  return gateway.createAccount({ accountId: demoAccountId, livemode: true })
}
async function somePayout(): Promise<string> {
  const [payout] = await gateway.database.query<{ id: string }>(
    `select id from payouts where account_id = $1 and not livemode and is_automatic
     and effective_at = '2026-09-02T00:00:00Z' and currency = 'usd'`,
    [demoAccountId],
  )
  return payout?.id ?? ''
}
function withKey(name: string): string {
  return name.replace('[key]', '[order_id]')
}

test('the expected types have as many columns as Stripe documents', () => {
  const counts = documentedTypes.map(({ name, columns }) => [name, columns.length] as const)
  expect(Object.fromEntries(counts.filter(([name]) => name.includes('itemized')))).toEqual({
    'balance_change_from_activity.itemized.1': 37,
    'balance_change_from_activity.itemized.2': 65,
    'balance_change_from_activity.itemized.3': 69,
    'payouts.itemized.1': 17,
    'payouts.itemized.2': 18,
    'payouts.itemized.3': 20,
    'payout_reconciliation.itemized.1': 28,
    'payout_reconciliation.itemized.2': 31,
    'payout_reconciliation.itemized.3': 67,
    'payout_reconciliation.itemized.4': 48,
    'payout_reconciliation.itemized.5': 71,
    'payout_reconciliation.by_id.itemized.1': 28,
    'payout_reconciliation.by_id.itemized.2': 31,
    'payout_reconciliation.by_id.itemized.3': 67,
    'payout_reconciliation.by_id.itemized.4': 71,
    'ending_balance_reconciliation.itemized.1': 33,
    'ending_balance_reconciliation.itemized.2': 65,
    'ending_balance_reconciliation.itemized.3': 44,
    'ending_balance_reconciliation.itemized.4': 69,
    'all_fees.balance_transaction_created.itemized.2': 18,
  })
})

test('two types cannot have the same name', () => {
  for (const other of [slowReport, { ...slowReport }]) {
    expect(() => createCatalog([slowReport, other])).toThrow('Two report types are named test.slow.1.')
  }
})

test('the catalog lists the types with the documented parameters and columns', async () => {
  const listed = await readCatalog()
  expect(
    listed.map(({ name, inputKey, parameters, columns, replacedBy }) => ({
      name,
      inputKey,
      parameters: parameters.map((parameter) => parameter.name).sort(),
      required: parameters.filter(({ isRequired }) => isRequired).map((parameter) => parameter.name),
      columns: columns.map((column) => column.name),
      defaults: columns.filter(({ isDefault }) => isDefault).map((column) => column.name),
      replacedBy: replacedBy?.name ?? null,
    })),
  ).toEqual(documentedTypes)
})

test('the replacement of a type has all of its columns, and the deprecation reason says so', async () => {
  const listed = await readCatalog()
  for (const { name, columns, replacedBy, deprecationReason } of listed) {
    const reason = replacedBy && `${replacedBy.name} has all of its columns and more.`
    expect(deprecationReason, name).toBe(reason)
    const newer = listed.find((type) => type.name === replacedBy?.name)?.columns ?? columns
    expect(newer.map((column) => column.name)).toEqual(
      expect.arrayContaining(columns.map((column) => column.name)),
    )
  }
})

test('every type, parameter and column has a description; only fees require a live key', async () => {
  for (const type of await readCatalog()) {
    const requiresLiveMode = type.name.startsWith('all_fees.')
    expect(type).toMatchObject({ requiresLiveMode, formats: ['CSV', 'JSONL', 'PARQUET'] })
    for (const text of [
      type.title,
      type.description,
      ...type.parameters.map(({ description }) => description),
      ...type.columns.map(({ description }) => description),
    ]) {
      expect(text).toMatch(/^[A-Z].{8,}/)
    }
  }
})

test('the type of each column is that of its values', async () => {
  const columns = (await readCatalog()).flatMap((type) => type.columns)
  const namesOf = (type: string) =>
    new Set(columns.filter((column) => column.type === type).map(({ name }) => name))
  expect(namesOf('DECIMAL')).toEqual(
    new Set(
      words(`net_amount gross fee net customer_facing_amount amount tax
        starting_balance activity payouts ending_balance available pending
        charges refunds disputes other fees volume debit credit`),
    ),
  )
  expect(namesOf('INTEGER')).toEqual(new Set(['count', 'pricing_tier', 'line']))
  expect(namesOf('BOOLEAN')).toEqual(new Set(['is_link', 'is_billed_separately']))
  expect(namesOf('DATE')).toEqual(new Set(['date']))
  const isTime = (name: string) =>
    /^(?:created|available_on|payout_expected_arrival_date)|_(?:at|created)$/.test(name)
  expect(namesOf('TIMESTAMP')).toEqual(
    new Set(columns.map(({ name }) => name).filter((name) => isTime(name.replace(/_utc$/, '')))),
  )
})

test.each(documentedTypes)(
  '$name writes its default columns, or every column when all are named',
  async (type) => {
    const payout = { payout: await somePayout() }
    const given = { interval_start: interval.between.start, interval_end: interval.between.end, ...payout }
    const required = Object.fromEntries(
      Object.entries(given).filter(([name]) => type.required.includes(name)),
    )
    const caller = type.name.startsWith('all_fees') ? await liveAccount() : account
    const all = type.columns.map(withKey).toReversed()
    const run = (parameters: object) =>
      runReport(caller, { byName: { name: type.name, parameters: { ...required, ...parameters } } })
    const [usual, every] = await Promise.all([run({}), run({ columns: all })])
    expect(usual.header).toEqual(type.defaults)
    expect(usual.parameters.columns).toEqual(type.defaults)
    expect(usual.columns.map(({ name }) => name)).toEqual(type.defaults)
    expect(every.header).toEqual(all)
    expect(every.rows.length).toBe(usual.rows.length)
    expect(usual.rows.length).toBeGreaterThan(0)
    for (const [i, row] of usual.rows.entries()) expect(every.rows[i]).toMatchObject(row)
  },
)

describe.each(reportTypes)('$name', ({ inputKey, columns, defaults }) => {
  test('writes all its columns, in any order', async () => {
    const all = columns.map(withKey)
    const forwards = await runReport(account, { [inputKey]: { interval, columns: all } })
    const backwards = await runReport(account, { [inputKey]: { interval, columns: all.toReversed() } })
    expect(forwards.header).toEqual(all)
    expect(forwards.columns.map(({ name }) => name)).toEqual(all)
    expect(backwards.header).toEqual(all.toReversed())
    expect(backwards.rows).toEqual(forwards.rows)
    expect(forwards.rows.length).toBeGreaterThan(0)
  })

  test('the values of a column do not depend on the other columns', async () => {
    const all = await runReport(account, { [inputKey]: { interval, columns: columns.map(withKey) } })
    for (const name of columns.map(withKey).filter((_, i) => i % 9 === 1)) {
      const alone = await runReport(account, { [inputKey]: { interval, columns: [name] } })
      expect(alone.rows).toEqual(all.rows.map((row) => ({ [name]: row[name] })))
    }
  })

  test.each([
    ['an unknown column', ['no_such_column'], /has no column "no_such_column"/],
    [
      'a column of another family',
      [inputKey === 'balanceSummary1' ? 'gross' : 'net_amount'],
      /has no column/,
    ],
    ['another case', [columns[0]?.toUpperCase() ?? ''], /has no column/],
    ['a key for a column without keys', [`${columns[0]}[key]`], /has no column/],
    ['an empty name', [''], /has no column ""/],
  ])('rejects %s and lists the columns of the type', async (_what, chosen, message) => {
    const { reportRun, userErrors } = await requestReport(account, {
      [inputKey]: { interval, columns: [...defaults, ...chosen] },
    })
    expect(reportRun).toBeNull()
    expect(userErrors).toEqual([
      {
        code: 'INVALID_VALUE',
        message: expect.stringMatching(message),
        path: ['input', 'report', inputKey, 'columns', String(defaults.length)],
        allowed: columns,
      },
    ])
  })

  test('rejects the same column twice', async () => {
    const { reportRun, userErrors } = await requestReport(account, {
      [inputKey]: { interval, columns: [...defaults, defaults[1]] },
    })
    expect(reportRun).toBeNull()
    expect(userErrors).toEqual([
      {
        code: 'INVALID_VALUE',
        message: `The column "${defaults[1]}" is listed twice.`,
        path: ['input', 'report', inputKey, 'columns', String(defaults.length)],
        allowed: null,
      },
    ])
  })
})

describe('metadata columns', () => {
  test('accept several keys, including the key "key"', async () => {
    const columns = ['payment_metadata[channel]', 'payment_metadata[order_id]', 'payment_metadata[key]']
    const { header, rows } = await runReport(account, {
      balanceChangeFromActivityItemized3: { interval, columns },
    })
    expect(header).toEqual(columns)
    expect(rows.some((row) => /^AO-\d+$/.test(row['payment_metadata[order_id]'] ?? ''))).toBe(true)
    expect(rows.some((row) => row['payment_metadata[channel]'] === 'web')).toBe(true)
    expect(rows.every((row) => row['payment_metadata[key]'] === '')).toBe(true)
  })

  test.each([
    ['no key', 'payment_metadata', 'Add a key, for example "payment_metadata[order_id]".'],
    ['an empty key', 'payment_metadata[]', 'has no column'],
    ['two keys', 'payment_metadata[a][b]', 'has no column'],
    ['a bracket inside', 'payment_metadata[a]b]', 'has no column'],
    ['text after the key', 'payment_metadata[a] ', 'has no column'],
    ['NUL', 'payment_metadata[a\0b]', 'has no column'],
    ['a line break', 'payment_metadata[a\nb]', 'has no column'],
    ['an unpaired surrogate', 'payment_metadata[\ud83d]', 'has no column'],
    ['a key of 101 characters', `payment_metadata[${'k'.repeat(101)}]`, 'has no column'],
  ])('are rejected with %s', async (_what, name, message) => {
    const { reportRun, userErrors } = await requestReport(account, {
      balanceChangeFromActivityItemized3: { interval, columns: [name] },
    })
    expect(reportRun).toBeNull()
    expect(userErrors).toMatchObject([
      {
        message: expect.stringContaining(message),
        path: ['input', 'report', 'balanceChangeFromActivityItemized3', 'columns', '0'],
        allowed: activityColumns,
      },
    ])
  })

  test('accept a long key and a key in any script', async () => {
    const columns = [`payment_metadata[${'k'.repeat(100)}]`, 'payment_metadata[注文 🚪]']
    const { header } = await runReport(account, { balanceChangeFromActivityItemized3: { interval, columns } })
    expect(header).toEqual(columns)
  })

  test('up to 250 columns are accepted', async () => {
    const columns = Array.from({ length: 250 }, (_, i) => `payment_metadata[k${i}]`)
    const { header } = await runReport(account, { balanceChangeFromActivityItemized3: { interval, columns } })
    expect(header).toEqual(columns)
    const { userErrors } = await requestReport(account, {
      balanceChangeFromActivityItemized3: { interval, columns: [...columns, 'gross'] },
    })
    expect(userErrors).toMatchObject([
      {
        message: 'The list has 251 columns; at most 250 are allowed.',
        path: ['input', 'report', 'balanceChangeFromActivityItemized3', 'columns'],
      },
    ])
  })
})
