import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoAccountId } from '../src/demo.ts'
import { startTestGateway, type TestAccount, type TestGateway } from './gateway.ts'
import { requestReport, runReport } from './run-report.ts'

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway({ withLedger: true })
  account = await gateway.createAccount({ accountId: demoAccountId })
})
afterAll(() => gateway[Symbol.asyncDispose]())

const words = (text: string): string[] => text.trim().split(/\s+/)
const address = (prefix: string): string =>
  words('line1 line2 city state postal_code country')
    .map((part) => `${prefix}_${part}`)
    .join(' ')

const summary = words('reporting_category currency count gross fee net')
const summaryParameters = words('columns currency interval_end interval_start timezone')
const itemizedParameters = words(
  'columns currency decimal_separator interval_end interval_start reporting_category timezone',
)

/** The public interface of each type, typed in from the reference and not from the code. */
const reportTypes = [
  {
    name: 'balance.summary.1',
    inputKey: 'balanceSummary',
    parameters: summaryParameters,
    columns: words('category description net_amount currency'),
    defaults: words('category description net_amount currency'),
  },
  {
    name: 'balance_change_from_activity.summary.1',
    inputKey: 'balanceChangeFromActivitySummary',
    parameters: summaryParameters,
    columns: summary,
    defaults: summary,
  },
  {
    name: 'balance_change_from_activity.itemized.3',
    inputKey: 'balanceChangeFromActivityItemized',
    parameters: itemizedParameters,
    columns: words(`
      balance_transaction_id created_utc created available_on_utc available_on currency gross fee net
      reporting_category source_id description customer_facing_amount customer_facing_currency regulatory_tag
      automatic_payout_id automatic_payout_effective_at_utc automatic_payout_effective_at
      customer_id customer_email customer_name customer_description
      ${address('customer_shipping_address')} ${address('customer_address')}
      ${address('shipping_address')} ${address('card_address')}
      charge_id payment_intent_id charge_created_utc charge_created invoice_id invoice_number subscription_id
      payment_method_type is_link card_brand card_funding card_country statement_descriptor dispute_reason
      connected_account_id connected_account_name connected_account_country connected_account_direct_charge_id
      payment_metadata[key] refund_metadata[key] transfer_metadata[key] trace_id trace_id_status`),
    defaults: words(
      'balance_transaction_id created available_on currency gross fee net reporting_category description',
    ),
  },
  {
    name: 'payouts.summary.1',
    inputKey: 'payoutsSummary',
    parameters: summaryParameters,
    columns: summary,
    defaults: summary,
  },
  {
    name: 'payouts.itemized.3',
    inputKey: 'payoutsItemized',
    parameters: itemizedParameters,
    columns: words(`
      payout_id effective_at_utc effective_at currency gross fee net reporting_category balance_transaction_id
      description payout_expected_arrival_date payout_status payout_reversed_at_utc payout_reversed_at
      payout_type payout_description payout_destination_id regulatory_tag trace_id trace_id_status`),
    defaults: words(`
      payout_id effective_at currency gross fee net reporting_category balance_transaction_id description
      payout_expected_arrival_date payout_status`),
  },
]

type Catalogue = {
  reportTypes: {
    nodes: {
      name: string
      inputKey: string
      title: string
      description: string
      requiresLiveMode: boolean
      formats: string[]
      parameters: { name: string; isRequired: boolean; description: string }[]
      columns: { name: string; isDefault: boolean; type: string; description: string }[]
    }[]
  }
}

const readCatalogue = async (): Promise<Catalogue['reportTypes']['nodes']> => {
  const { reportTypes: page } = await account.client.request<Catalogue>(`{
    reportTypes { nodes {
      name inputKey title description requiresLiveMode formats
      parameters { name isRequired description }
      columns { name isDefault type description }
    } }
  }`)
  return page.nodes
}

const interval = { between: { start: '2026-09-02T00:00:00Z', end: '2026-09-03T00:00:00Z' } }
const withKey = (name: string): string => name.replace('[key]', '[order_id]')

test('the itemized activity has the 69 columns of its third version', () => {
  expect(reportTypes[2]?.columns).toHaveLength(69)
})

test('the catalogue lists these types, with the parameters and columns that Stripe documents', async () => {
  const listed = await readCatalogue()
  expect(
    listed.map(({ name, inputKey, parameters, columns }) => ({
      name,
      inputKey,
      parameters: parameters.map((parameter) => parameter.name).sort(),
      columns: columns.map((column) => column.name),
      defaults: columns.filter(({ isDefault }) => isDefault).map((column) => column.name),
    })),
  ).toEqual(reportTypes)
})

test('every type, parameter and column is described; only the interval is required', async () => {
  for (const type of await readCatalogue()) {
    expect(type).toMatchObject({ requiresLiveMode: false, formats: ['CSV', 'JSONL', 'PARQUET'] })
    for (const text of [
      type.title,
      type.description,
      ...type.parameters.map(({ description }) => description),
      ...type.columns.map(({ description }) => description),
    ]) {
      expect(text).toMatch(/^[A-Z].{8,}/)
    }
    const required = type.parameters.filter(({ isRequired }) => isRequired).map(({ name }) => name)
    expect(required).toEqual(['interval_start', 'interval_end'])
  }
})

test('columns are of the types that their values are', async () => {
  const columns = (await readCatalogue()).flatMap((type) => type.columns)
  const namesOf = (type: string) =>
    new Set(columns.filter((column) => column.type === type).map(({ name }) => name))
  expect(namesOf('DECIMAL')).toEqual(new Set(words('net_amount gross fee net customer_facing_amount')))
  expect(namesOf('INTEGER')).toEqual(new Set(['count']))
  expect(namesOf('BOOLEAN')).toEqual(new Set(['is_link']))
  const isTime = (name: string) =>
    /^(?:created|available_on|payout_expected_arrival_date)|_(?:at|created)(?:_utc)?$/.test(name)
  expect(namesOf('TIMESTAMP')).toEqual(
    new Set(columns.map(({ name }) => name).filter((name) => isTime(name.replace(/_utc$/, '')))),
  )
})

describe.each(reportTypes)('$name', ({ inputKey, columns, defaults }) => {
  test('writes its default columns when none are chosen', async () => {
    const {
      header,
      rows,
      parameters,
      columns: told,
    } = await runReport(account, {
      [inputKey]: { interval },
    })
    expect(header).toEqual(defaults)
    expect(parameters.columns).toEqual(defaults)
    expect(told.map(({ name }) => name)).toEqual(defaults)
    expect(rows.length).toBeGreaterThan(0)
  })

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

  test('a column says the same whichever others are written', async () => {
    const all = await runReport(account, { [inputKey]: { interval, columns: columns.map(withKey) } })
    for (const name of columns.map(withKey).filter((_, i) => i % 9 === 1)) {
      const alone = await runReport(account, { [inputKey]: { interval, columns: [name] } })
      expect(alone.rows).toEqual(all.rows.map((row) => ({ [name]: row[name] })))
    }
  })

  test.each([
    ['an unknown column', ['no_such_column'], /has no column "no_such_column"/],
    ['a column of another family', [inputKey === 'balanceSummary' ? 'gross' : 'net_amount'], /has no column/],
    ['another case', [columns[0]?.toUpperCase() ?? ''], /has no column/],
    ['a key for a column that takes none', [`${columns[0]}[key]`], /has no column/],
    ['an empty name', [''], /has no column ""/],
  ])('refuses %s, and says which it has', async (_what, chosen, message) => {
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

  test('refuses the same column twice', async () => {
    const { reportRun, userErrors } = await requestReport(account, {
      [inputKey]: { interval, columns: [...defaults, defaults[1]] },
    })
    expect(reportRun).toBeNull()
    expect(userErrors).toEqual([
      {
        code: 'INVALID_VALUE',
        message: `The column "${defaults[1]}" is named twice.`,
        path: ['input', 'report', inputKey, 'columns', String(defaults.length)],
        allowed: null,
      },
    ])
  })
})

describe('metadata columns', () => {
  test('may be chosen with several keys, also with the key "key"', async () => {
    const columns = ['payment_metadata[channel]', 'payment_metadata[order_id]', 'payment_metadata[key]']
    const { header, rows } = await runReport(account, {
      balanceChangeFromActivityItemized: { interval, columns },
    })
    expect(header).toEqual(columns)
    expect(rows.some((row) => /^AO-\d+$/.test(row['payment_metadata[order_id]'] ?? ''))).toBe(true)
    expect(rows.some((row) => row['payment_metadata[channel]'] === 'web')).toBe(true)
    expect(rows.every((row) => row['payment_metadata[key]'] === '')).toBe(true)
  })

  test.each([
    ['no key', 'payment_metadata', 'Name the key, for example "payment_metadata[order_id]".'],
    ['an empty key', 'payment_metadata[]', 'has no column'],
    ['two keys', 'payment_metadata[a][b]', 'has no column'],
    ['a bracket inside', 'payment_metadata[a]b]', 'has no column'],
    ['text after the key', 'payment_metadata[a] ', 'has no column'],
    ['NUL', 'payment_metadata[a\0b]', 'has no column'],
    ['a line break', 'payment_metadata[a\nb]', 'has no column'],
    ['half of a surrogate pair', 'payment_metadata[\ud83d]', 'has no column'],
    ['a key of 101 characters', `payment_metadata[${'k'.repeat(101)}]`, 'has no column'],
  ])('are refused with %s', async (_what, name, message) => {
    const { reportRun, userErrors } = await requestReport(account, {
      balanceChangeFromActivityItemized: { interval, columns: [name] },
    })
    expect(reportRun).toBeNull()
    expect(userErrors).toMatchObject([
      {
        message: expect.stringContaining(message),
        path: ['input', 'report', 'balanceChangeFromActivityItemized', 'columns', '0'],
        allowed: reportTypes[2]?.columns,
      },
    ])
  })

  test('a key may be long, and in any script', async () => {
    const columns = [`payment_metadata[${'k'.repeat(100)}]`, 'payment_metadata[注文 🚪]']
    const { header } = await runReport(account, { balanceChangeFromActivityItemized: { interval, columns } })
    expect(header).toEqual(columns)
  })

  test('as many columns as 250 are written, and one more is refused', async () => {
    const columns = Array.from({ length: 250 }, (_, i) => `payment_metadata[k${i}]`)
    const { header } = await runReport(account, { balanceChangeFromActivityItemized: { interval, columns } })
    expect(header).toEqual(columns)
    const { userErrors } = await requestReport(account, {
      balanceChangeFromActivityItemized: { interval, columns: [...columns, 'gross'] },
    })
    expect(userErrors).toMatchObject([
      {
        message: '251 columns are too many: at most 250 are written.',
        path: ['input', 'report', 'balanceChangeFromActivityItemized', 'columns'],
      },
    ])
  })
})
