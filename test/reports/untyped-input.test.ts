import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoAccountId } from '../../src/demo/demo.ts'
import { documentedTypes } from '../support/documented-types.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { requestReport } from '../support/run-report.ts'

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway({ withLedger: true })
  account = await gateway.createAccount({ accountId: demoAccountId })
})
afterAll(() => gateway[Symbol.asyncDispose]())

async function countCreated(): Promise<unknown> {
  return gateway.database.query(
    `select (select count(*) from report_runs) as runs, (select count(*) from report_gateway_queue.job where data ? 'runId') as jobs`,
  )
}
const nothing = [{ runs: '0', jobs: '0' }]

const names = documentedTypes.map(({ name }) => name)
const summaryParameters = ['interval_start', 'interval_end', 'timezone', 'currency', 'columns']

const interval = { interval_start: '2026-09-01T00:00:00Z', interval_end: '2026-10-01T00:00:00Z' }
async function refusal(type: string, parameters: unknown) {
  const { reportRun, userErrors } = await requestReport(account, { custom: { type, parameters } })
  expect(reportRun).toBeNull()
  expect(await countCreated()).toEqual(nothing)
  return userErrors
}

test.each([
  '',
  'balance.summary.2',
  'Balance.Summary.1',
  'balance.summary.1\0',
  '__proto__',
  'constructor',
  '\ud83d',
])('the type %j is refused, with a list of those there are', async (type) => {
  expect(await refusal(type, interval)).toEqual([
    {
      code: 'INVALID_VALUE',
      message: `There is no report type ${JSON.stringify(type)}.`,
      path: ['input', 'report', 'custom', 'type'],
      allowed: names,
    },
  ])
})

test.each([
  ['balance.summary.1', 'reporting_category', 'charge'],
  ['balance.summary.1', 'decimal_separator', ','],
  ['balance.summary.1', 'payout', 'po_1'],
  ['balance_change_from_activity.summary.1', 'reporting_category', 'charge'],
  ['payouts.summary.1', 'decimal_separator', '.'],
  ['payouts.summary.1', 'connected_account', null],
  ['balance.summary.1', 'intervalStart', '2026-09-01T00:00:00Z'],
  ['balance.summary.1', 'constructor', 'x'],
  ['balance.summary.1', 'to\0String', 'x'],
])('%s takes no parameter %s', async (type, name, value) => {
  const errors = await refusal(type, { ...interval, [name]: value })
  expect(errors).toHaveLength(1)
  expect(errors[0]).toMatchObject({
    code: 'INVALID_VALUE',
    message: `${type} takes no parameter ${JSON.stringify(name)}. It takes ${summaryParameters.slice(0, 2).join(', ')}, ${errors[0]?.allowed?.slice(2).join(', ')}.`,
    path: ['input', 'report', 'custom', 'parameters', name],
  })
  expect(errors[0]?.allowed?.toSorted()).toEqual(summaryParameters.toSorted())
})

test('a parameter named __proto__ is one that no type takes', async () => {
  const errors = await refusal(
    'balance.summary.1',
    JSON.parse(
      `{ "__proto__": { "interval_start": "2026-09-01T00:00:00Z" }, "interval_end": "2026-10-01T00:00:00Z" }`,
    ),
  )
  expect(errors.map(({ path }) => path?.at(-1))).toEqual(['__proto__', 'interval_start'])
})

test.each([
  ['both ends', {}, ['interval_start', 'interval_end']],
  ['the start', { interval_end: interval.interval_end }, ['interval_start']],
  ['the end', { interval_start: interval.interval_start }, ['interval_end']],
  ['the end, which is null', { ...interval, interval_end: null }, ['interval_end']],
])('a parameter that is required is missed: %s', async (_what, parameters, missing) => {
  for (const type of ['balance.summary.1', 'payouts.itemized.3', 'payout_reconciliation.itemized.1']) {
    expect(await refusal(type, parameters)).toMatchObject(
      missing.map((name) => ({
        code: 'INVALID_VALUE',
        message: expect.stringMatching(new RegExp(`^${type} needs the parameter "${name}": .+\\.$`)),
        path: ['input', 'report', 'custom', 'parameters', name],
      })),
    )
  }
})

test.each([
  ['payout_reconciliation.by_id.summary.1', 'payout'],
  ['payout_reconciliation.by_id.itemized.4', 'payout'],
  ['ending_balance_reconciliation.summary.1', 'interval_end'],
  ['ending_balance_reconciliation.itemized.1', 'interval_end'],
])('%s needs its %s, and takes no whole interval', async (type, needed) => {
  expect(await refusal(type, {})).toMatchObject([
    {
      message: expect.stringMatching(new RegExp(`^${type} needs the parameter "${needed}": .+\\.$`)),
      path: ['input', 'report', 'custom', 'parameters', needed],
    },
  ])
  const [error] = await refusal(type, { interval_start: interval.interval_start })
  expect(error?.message).toMatch(`${type} takes no parameter "interval_start".`)
})

describe('values of a wrong kind', () => {
  test.each([
    true,
    1.5,
    1e300,
    9_007_199_254_740_991,
    -9_007_199_254_740_991,
    '',
    'yesterday',
    '1788220800',
    '2026-09-01',
    '2026-09-01T00:00:00',
    '2026-02-30T00:00:00Z',
    '2026-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-09-01T24:00:00Z',
    '2026-09-01T00:00:61Z',
    '2026-09-01T00:00:00+25:00',
    '2026-09-01T00:00:00Z\0',
    '2026-09-01T00:00:00[Europe/Berlin]',
    "2026-09-01T00:00:00Z'::timestamptz; --",
    'infinity',
    'now',
    [],
    ['2026-09-01T00:00:00Z'],
    { $gt: '' },
  ])('%j is no instant', async (value) => {
    expect(await refusal('balance.summary.1', { ...interval, interval_start: value })).toEqual([
      {
        code: 'INVALID_VALUE',
        message: `${JSON.stringify(value)} is no instant. Give RFC 3339 text such as "2026-09-01T00:00:00Z", or whole seconds since 1970.`,
        path: ['input', 'report', 'custom', 'parameters', 'interval_start'],
        allowed: null,
      },
    ])
  })

  test.each([
    ['currency', 'is no currency'],
    ['timezone', 'is no timezone'],
    ['reporting_category', 'is no reporting category'],
    ['decimal_separator', 'is no decimal separator'],
  ])('%s takes text and nothing else', async (name, message) => {
    for (const value of [5, true, false, 0, [], ['usd'], {}, { toString: 'usd' }]) {
      expect(await refusal('payouts.itemized.3', { ...interval, [name]: value })).toMatchObject([
        {
          code: 'INVALID_VALUE',
          message: expect.stringContaining(`${JSON.stringify(value)} ${message}`),
          path: ['input', 'report', 'custom', 'parameters', name],
        },
      ])
    }
  })

  test.each([
    ['gross', '"gross" is no list of column names.', []],
    [5, '5 is no list of column names.', []],
    [{ 0: 'gross', length: 1 }, '{"0":"gross","length":1} is no list of column names.', []],
    [['gross', 5], '5 is no column name.', ['1']],
    [[null], 'null is no column name.', ['0']],
    [[['gross']], '["gross"] is no column name.', ['0']],
    [[{}], '{} is no column name.', ['0']],
  ])('%j is no list of columns', async (columns, message, place) => {
    expect(await refusal('payouts.itemized.3', { ...interval, columns })).toMatchObject([
      { message, path: ['input', 'report', 'custom', 'parameters', 'columns', ...place] },
    ])
  })
})

describe('what GraphQL itself refuses', () => {
  const createRun = `mutation ($report: ReportInput!) {
    createReportRun(input: { report: $report }) { reportRun { id } userErrors { message } }
  }`
  const between = { start: interval.interval_start, end: interval.interval_end }
  const balanceSummary = { interval: { between } }

  test.each([
    ['no report at all', {}],
    ['two reports', { balanceSummary, payoutsSummary: balanceSummary }],
    ['a report that is null', { balanceSummary: null }],
    ['no interval', { balanceSummary: {} }],
    ['two intervals', { balanceSummary: { interval: { between, relative: 'YESTERDAY' } } }],
    ['an interval without an end', { balanceSummary: { interval: { between: { start: between.start } } } }],
    ['a number for an instant', { balanceSummary: { interval: { between: { ...between, start: 5 } } } }],
    [
      '30 February',
      { balanceSummary: { interval: { between: { ...between, start: '2026-02-30T00:00:00Z' } } } },
    ],
    [
      'an instant without an offset',
      { balanceSummary: { interval: { between: { ...between, start: '2026-02-03T00:00:00' } } } },
    ],
    ['an unknown period', { balanceSummary: { interval: { relative: 'TOMORROW' } } }],
    [
      'a parameter that the type does not take',
      { balanceSummary: { ...balanceSummary, decimalSeparator: ',' } },
    ],
    ['a number for a timezone', { balanceSummary: { ...balanceSummary, timezone: 5 } }],
    ['null for a timezone', { balanceSummary: { ...balanceSummary, timezone: null } }],
    ['null for a column', { balanceSummary: { ...balanceSummary, columns: [null] } }],
    ['a list for custom parameters', { custom: { type: 'balance.summary.1', parameters: [] } }],
    ['text for custom parameters', { custom: { type: 'balance.summary.1', parameters: '{}' } }],
    ['a custom type that is null', { custom: { type: null, parameters: {} } }],
  ])('%s', async (_what, report) => {
    const { data, errors } = await account.client.execute(createRun, { report })
    expect(data ?? null).toBeNull()
    expect(errors).toHaveLength(1)
    expect(errors?.[0]?.message).toMatch(/^Variable "\$report"/)
    expect(await countCreated()).toEqual(nothing)
  })
})
