import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoAccountId } from '../../src/demo/demo.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { requestReport, runReport, type UserErrorAnswer } from '../support/run-report.ts'

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway({ withLedger: true, now: () => new Date('2026-11-10T12:00:00Z') })
  account = await gateway.createAccount({ accountId: demoAccountId })
})
afterAll(() => gateway[Symbol.asyncDispose]())

type Json = Record<string, unknown>

async function countCreated(): Promise<unknown> {
  const [counts] = await gateway.database.query(
    `select (select count(*) from report_runs) as runs, (select count(*) from report_gateway_queue.job where data ? 'runId') as jobs,
       (select count(*) from report_run_events) as events`,
  )
  return counts
}

/** What is wrong with a report. Each mistake is told in a short sentence, and nothing is created. */
async function refusal(report: Json): Promise<UserErrorAnswer[]> {
  const before = await countCreated()
  const { reportRun, userErrors } = await requestReport(account, report)
  expect(reportRun).toBeNull()
  expect(userErrors.length).toBeGreaterThan(0)
  for (const { code, message } of userErrors) {
    expect(code).toBe('INVALID_VALUE')
    expect(message).toMatch(/^.{20,400}\.$/su)
  }
  expect(await countCreated()).toEqual(before)
  return userErrors
}

const from = '2026-09-01T00:00:00Z'
const until = '2026-10-01T00:00:00Z'
const typeName = 'balance_change_from_activity.itemized.3'
const key = 'balanceChangeFromActivityItemized'

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}

/** The same parameters for both kinds of input. */
function typedInput({ interval_start: start = from, interval_end: end = until, ...others }: Json): Json {
  return {
    [key]: {
      interval: { between: { start, end } },
      ...Object.fromEntries(Object.entries(others).map(([name, value]) => [camelCase(name), value])),
    },
  }
}
function customInput(parameters: Json, type = typeName): Json {
  return {
    custom: { type, parameters: { interval_start: from, interval_end: until, ...parameters } },
  }
}

function typedPath(name: string): string[] {
  if (name === 'interval_start') return ['interval', 'between', 'start']
  return name === 'interval_end' ? ['interval', 'between', 'end'] : [camelCase(name)]
}

const available = ['2024-11-01T00:00:00Z', '2026-11-01T00:00:00Z']
const decimals = ['.', ',']
type Mistake = [what: string, parameters: Json, name: string, message: RegExp, allowed: string[] | null]

const mistakes: Mistake[] = [
  ['a reversed interval', { interval_start: until, interval_end: from }, 'interval_end', /is reversed/, null],
  ['an empty interval', { interval_end: from }, 'interval_end', /is empty/, null],
  [
    'a start before the first data',
    { interval_start: '2024-10-31T23:59:59Z' },
    'interval_start',
    /is there from 2024-11-01T00:00:00Z until 2026-11-01T00:00:00Z; interval_start is 2024-10-31T23:59:59Z/,
    available,
  ],
  [
    'a start years before',
    { interval_start: '0001-01-01T00:00:00Z' },
    'interval_start',
    /0001-01-01/,
    available,
  ],
  [
    'an end after the last data',
    { interval_end: '2026-11-01T00:00:01Z' },
    'interval_end',
    /interval_end is 2026-11-01T00:00:01Z/,
    available,
  ],
  [
    'an end after it by its offset',
    { interval_end: '2026-11-01T00:00:00-01:00' },
    'interval_end',
    /interval_end is 2026-11-01T01:00:00Z/,
    available,
  ],
  [
    'an end in the year 9999',
    { interval_end: '9999-12-31T23:59:59Z' },
    'interval_end',
    /9999-12-31/,
    available,
  ],
  ...['usx', 'us', '', 'US$', 'dollars', 'usd ', 'usd\0', '\ud83d', "usd' or true --"].map(
    (currency): Mistake => [
      `the currency ${JSON.stringify(currency)}`,
      { currency },
      'currency',
      /is no currency. Give a three-letter ISO 4217 code such as "usd"/,
      null,
    ],
  ),
  ...[
    'Mars/Olympus',
    '+01:00',
    '-0500',
    'UTC+1',
    'GMT+1',
    'PST',
    'IST',
    'Z',
    '',
    ' Etc/UTC',
    'Europe/Berlin\0',
    'Europe/Berlin\ud83d',
    "Etc/UTC'; drop table report_runs; --",
    '2026-01-01T00:00:00Z[Europe/Berlin]',
    'T00:00[Europe/Berlin]',
    'SystemV/PST8PDT',
    'US/Pacific-New',
    'Factory',
    '../../etc/passwd',
  ].map(
    (timezone): Mistake => [
      `the timezone ${JSON.stringify(timezone)}`,
      { timezone },
      'timezone',
      /is no timezone. Give an IANA name such as "Europe\/Berlin"/,
      null,
    ],
  ),
  ...[';', '', '..', '٫', '\0', '\ud83d'].map(
    (decimal_separator): Mistake => [
      `the decimal separator ${JSON.stringify(decimal_separator)}`,
      { decimal_separator },
      'decimal_separator',
      /is no decimal separator. Give "." or ","/,
      decimals,
    ],
  ),
  ['an empty list of columns', { columns: [] }, 'columns', /The list of columns is empty/, null],
  ['a very long value', { currency: 'x'.repeat(50_000) }, 'currency', /^"x{99}… is no currency/, null],
]

describe.each(mistakes)('%s', (_what, parameters, name, message, allowed) => {
  test('is refused as typed input', async () => {
    expect(await refusal(typedInput(parameters))).toMatchObject([
      {
        message: expect.stringMatching(message),
        path: ['input', 'report', key, ...typedPath(name)],
        allowed,
      },
    ])
  })

  test('is refused as custom input', async () => {
    expect(await refusal(customInput(parameters))).toMatchObject([
      {
        message: expect.stringMatching(message),
        path: ['input', 'report', 'custom', 'parameters', name],
        allowed,
      },
    ])
  })
})

test.each(['Charge', 'total', '', 'charge\0', 'x'.repeat(1000)])(
  'the reporting category %j is refused, with a list of those there are',
  async (reporting_category) => {
    const errors = [
      ...(await refusal(typedInput({ reporting_category }))),
      ...(await refusal(customInput({ reporting_category }))),
    ]
    expect(errors.map(({ path }) => path?.at(-1))).toEqual(['reportingCategory', 'reporting_category'])
    for (const { allowed } of errors) {
      expect(allowed).toEqual(expect.arrayContaining(['charge', 'refund', 'payout_reversal']))
      expect(allowed).not.toContain('total')
    }
  },
)

test('every mistake is told at once', async () => {
  const parameters = {
    interval_start: '2020-01-01T00:00:00Z',
    interval_end: '2030-01-01T00:00:00Z',
    currency: 'xyz',
    timezone: 'nowhere',
    columns: ['gross', 'gross', 'nothing'],
  }
  const places = async (report: Json) => (await refusal(report)).map(({ path }) => path?.slice(3).join('.'))
  expect(await places(customInput(parameters))).toEqual([
    'parameters.timezone',
    'parameters.currency',
    'parameters.columns.1',
    'parameters.columns.2',
    'parameters.interval_start',
    'parameters.interval_end',
  ])
  expect(await places(typedInput(parameters))).toEqual([
    'timezone',
    'currency',
    'columns.1',
    'columns.2',
    'interval.between.start',
    'interval.between.end',
  ])
})

test('of hundreds of mistakes, the first fifty are told', async () => {
  const parameters = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`p${i}`, i]))
  expect(await refusal(customInput(parameters))).toHaveLength(50)
})

describe('relative intervals', () => {
  test('beyond the data are refused where they stand', async () => {
    // On 10 November the data ends with 1 November.
    const errors = await refusal({ balanceSummary: { interval: { relative: 'YESTERDAY' } } })
    expect(errors).toMatchObject([
      { message: expect.stringContaining('interval_start is 2026-11-09T00:00:00Z'), allowed: available },
      { message: expect.stringContaining('interval_end is 2026-11-10T00:00:00Z'), allowed: available },
    ])
    for (const { path } of errors) {
      expect(path).toEqual(['input', 'report', 'balanceSummary', 'interval', 'relative'])
    }
  })

  test('in an unknown timezone: the timezone is the mistake', async () => {
    const errors = await refusal({
      balanceSummary: { interval: { relative: 'PREVIOUS_MONTH' }, timezone: 'Europe/Atlantis' },
    })
    expect(errors.map(({ path }) => path)).toEqual([['input', 'report', 'balanceSummary', 'timezone']])
  })
})

test('an account without data is told so', async () => {
  const other = await gateway.createAccount()
  const { reportRun, userErrors } = await requestReport(other, typedInput({}))
  expect(reportRun).toBeNull()
  expect(userErrors).toEqual([
    {
      code: 'INVALID_VALUE',
      message: `There is no data for ${typeName} yet.`,
      path: ['input', 'report', key, 'interval', 'between', 'end'],
      allowed: null,
    },
  ])
})

describe('what is good, although it looks odd', () => {
  test('null is the same as nothing in custom parameters', async () => {
    const nothing = { currency: null, timezone: null, reporting_category: null, columns: null }
    const { parameters } = await runReport(account, customInput({ ...nothing, decimal_separator: null }))
    expect(parameters).toEqual({
      interval_start: from,
      interval_end: until,
      timezone: 'Etc/UTC',
      decimal_separator: '.',
      columns: [
        'balance_transaction_id',
        'created',
        'available_on',
        'currency',
        'gross',
        'fee',
        'net',
        'reporting_category',
        'description',
      ],
    })
  })

  test('the whole of the available data, to the second', async () => {
    const [interval_start, interval_end] = available
    const { rows } = await runReport(account, {
      custom: { type: 'payouts.summary.1', parameters: { interval_start, interval_end } },
    })
    expect(rows.length).toBeGreaterThan(0)
  })

  test.each([
    ['an offset', '2026-09-01T05:45:00+05:45', { interval_start: '2026-09-01T00:00:00Z' }],
    ['Unix seconds', Date.parse(from) / 1000, { interval_start: '2026-09-01T00:00:00Z' }],
  ])('an instant with %s is kept in UTC', async (_what, interval_start, kept) => {
    const { parameters } = await runReport(account, customInput({ interval_start }, 'payouts.itemized.3'))
    expect(parameters).toMatchObject(kept)
  })

  test.each([
    ['utc', 'UTC'],
    ['europe/berlin', 'Europe/Berlin'],
    ['us/pacific', 'US/Pacific'],
    ['EST5EDT', 'EST5EDT'],
    ['etc/gmt+5', 'Etc/GMT+5'],
  ])('the timezone %s is kept as %s', async (timezone, kept) => {
    const { parameters } = await runReport(account, {
      payoutsSummary: { interval: { between: { start: from, end: until } }, timezone },
    })
    expect(parameters).toMatchObject({ timezone: kept })
  })
})
