import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoAccountId } from '../../src/demo/demo.ts'
import { builtInReportTypes } from '../../src/reports/catalog.ts'
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
const nothingCreated = [{ runs: '0', jobs: '0' }]

const current = builtInReportTypes.filter(({ replacedBy }) => !replacedBy).map(({ name }) => name)
const summaryParameters = ['interval_start', 'interval_end', 'timezone', 'currency', 'columns']

const interval = { interval_start: '2026-09-01T00:00:00Z', interval_end: '2026-10-01T00:00:00Z' }
async function refusal(type: string, parameters: unknown) {
  const { reportRun, userErrors } = await requestReport(account, { byName: { name: type, parameters } })
  expect(reportRun).toBeNull()
  expect(await countCreated()).toEqual(nothingCreated)
  return userErrors
}

test.each([
  ['', ''],
  ['balance.summary', ' Did you mean balance.summary.1?'],
  ['balance.summary.2', ' Did you mean balance.summary.1?'],
  ['Balance.Summary.1', ' Did you mean balance.summary.1?'],
  ['payouts.itemized', ' Did you mean payouts.itemized.3?'],
  ['balance.summary.1\0', ''],
  ['__proto__', ''],
  ['constructor', ''],
  ['\ud83d', ''],
])('the type %j is rejected with a list of all types that are not deprecated', async (type, hint) => {
  expect(await refusal(type, interval)).toEqual([
    {
      code: 'INVALID_VALUE',
      message: `There is no report type ${JSON.stringify(type)}.${hint}`,
      path: ['input', 'report', 'byName', 'name'],
      allowed: current,
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
])('%s has no parameter %s', async (type, name, value) => {
  const errors = await refusal(type, { ...interval, [name]: value })
  expect(errors).toHaveLength(1)
  expect(errors[0]).toMatchObject({
    code: 'INVALID_VALUE',
    message: `${type} has no parameter ${JSON.stringify(name)}. Its parameters are ${summaryParameters.slice(0, 2).join(', ')}, ${errors[0]?.allowed?.slice(2).join(', ')}.`,
    path: ['input', 'report', 'byName', 'parameters', name],
  })
  expect(errors[0]?.allowed?.toSorted()).toEqual(summaryParameters.toSorted())
})

test('a parameter named __proto__ is rejected', async () => {
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
])('a missing required parameter is reported: %s', async (_what, parameters, missing) => {
  for (const type of ['balance.summary.1', 'payouts.itemized.3', 'payout_reconciliation.itemized.1']) {
    expect(await refusal(type, parameters)).toMatchObject(
      missing.map((name) => ({
        code: 'INVALID_VALUE',
        message: expect.stringMatching(new RegExp(`^${type} requires the parameter "${name}": .+\\.$`)),
        path: ['input', 'report', 'byName', 'parameters', name],
      })),
    )
  }
})

test.each([
  ['payout_reconciliation.by_id.summary.1', 'payout'],
  ['payout_reconciliation.by_id.itemized.4', 'payout'],
  ['ending_balance_reconciliation.summary.1', 'interval_end'],
  ['ending_balance_reconciliation.itemized.1', 'interval_end'],
])('%s requires %s and has no interval_start', async (type, required) => {
  expect(await refusal(type, {})).toMatchObject([
    {
      message: expect.stringMatching(new RegExp(`^${type} requires the parameter "${required}": .+\\.$`)),
      path: ['input', 'report', 'byName', 'parameters', required],
    },
  ])
  const [error] = await refusal(type, { interval_start: interval.interval_start })
  expect(error?.message).toMatch(`${type} has no parameter "interval_start".`)
})

describe('values of a wrong type', () => {
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
  ])('%j is not a valid timestamp', async (value) => {
    expect(await refusal('balance.summary.1', { ...interval, interval_start: value })).toEqual([
      {
        code: 'INVALID_VALUE',
        message: `${JSON.stringify(value)} is not a valid timestamp. Use RFC 3339 text such as "2026-09-01T00:00:00Z", or whole Unix seconds.`,
        path: ['input', 'report', 'byName', 'parameters', 'interval_start'],
        allowed: null,
      },
    ])
  })

  test.each([
    ['currency', 'is not a valid currency'],
    ['timezone', 'is not a valid timezone'],
    ['reporting_category', 'is not a valid reporting category'],
    ['decimal_separator', 'is not a valid decimal separator'],
  ])('%s accepts only text', async (name, message) => {
    for (const value of [5, true, false, 0, [], ['usd'], {}, { toString: 'usd' }]) {
      expect(await refusal('payouts.itemized.3', { ...interval, [name]: value })).toMatchObject([
        {
          code: 'INVALID_VALUE',
          message: expect.stringContaining(`${JSON.stringify(value)} ${message}`),
          path: ['input', 'report', 'byName', 'parameters', name],
        },
      ])
    }
  })

  test.each([
    ['gross', '"gross" is not a valid list of column names.', []],
    [5, '5 is not a valid list of column names.', []],
    [{ 0: 'gross', length: 1 }, '{"0":"gross","length":1} is not a valid list of column names.', []],
    [['gross', 5], '5 is not a valid column name.', ['1']],
    [[null], 'null is not a valid column name.', ['0']],
    [[['gross']], '["gross"] is not a valid column name.', ['0']],
    [[{}], '{} is not a valid column name.', ['0']],
  ])('%j is not a valid list of columns', async (columns, message, path) => {
    expect(await refusal('payouts.itemized.3', { ...interval, columns })).toMatchObject([
      { message, path: ['input', 'report', 'byName', 'parameters', 'columns', ...path] },
    ])
  })
})

describe('GraphQL itself rejects', () => {
  const createRun = `mutation ($report: ReportInput!) {
    createReportRun(input: { report: $report }) { reportRun { id } userErrors { message } }
  }`
  const between = { start: interval.interval_start, end: interval.interval_end }
  const balanceSummary1 = { interval: { between } }

  test.each([
    ['no report at all', {}],
    ['two reports', { balanceSummary1, payoutsSummary1: balanceSummary1 }],
    ['a report that is null', { balanceSummary1: null }],
    ['no interval', { balanceSummary1: {} }],
    ['two intervals', { balanceSummary1: { interval: { between, relative: 'YESTERDAY' } } }],
    ['a number for an instant', { balanceSummary1: { interval: { between: { ...between, start: 5 } } } }],
    [
      '30 February',
      { balanceSummary1: { interval: { between: { ...between, start: '2026-02-30T00:00:00Z' } } } },
    ],
    [
      'an instant without an offset',
      { balanceSummary1: { interval: { between: { ...between, start: '2026-02-03T00:00:00' } } } },
    ],
    ['an unknown period', { balanceSummary1: { interval: { relative: 'TOMORROW' } } }],
    [
      'a parameter that the type does not take',
      { balanceSummary1: { ...balanceSummary1, decimalSeparator: 'COMMA' } },
    ],
    ['a period of schedules', { balanceSummary1: { interval: { relative: 'PREVIOUS_PERIOD' } } }],
    ['a period of schedules by name', { byName: { name: 'balance.summary.1', interval: 'PREVIOUS_PERIOD' } }],
    [
      'a character for a decimal separator',
      { payoutsItemized3: { ...balanceSummary1, decimalSeparator: ',' } },
    ],
    ['a category in lower case', { payoutsItemized3: { ...balanceSummary1, reportingCategory: 'payout' } }],
    ['a number for a timezone', { balanceSummary1: { ...balanceSummary1, timezone: 5 } }],
    ['null for a timezone', { balanceSummary1: { ...balanceSummary1, timezone: null } }],
    ['null for a column', { balanceSummary1: { ...balanceSummary1, columns: [null] } }],
    ['a list for parameters by name', { byName: { name: 'balance.summary.1', parameters: [] } }],
    ['text for parameters by name', { byName: { name: 'balance.summary.1', parameters: '{}' } }],
    ['a name that is null', { byName: { name: null, parameters: {} } }],
  ])('%s', async (_what, report) => {
    const { data, errors } = await account.client.execute(createRun, { report })
    expect(data ?? null).toBeNull()
    expect(errors).toHaveLength(1)
    expect(errors?.[0]?.message).toMatch(/^Variable "\$report"/)
    expect(await countCreated()).toEqual(nothingCreated)
  })
})
