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

/** Submits an invalid report; returns its errors. Each message is a short sentence, and nothing is created. */
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
const key = 'balanceChangeFromActivityItemized3'

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}

/** The same parameters as typed input and as input by name. */
function typedInput({ interval_start: start = from, interval_end: end = until, ...others }: Json): Json {
  return {
    [key]: {
      interval: { between: { start, end } },
      ...Object.fromEntries(Object.entries(others).map(([name, value]) => [camelCase(name), value])),
    },
  }
}
function inputByName(parameters: Json, type = typeName): Json {
  return {
    byName: { name: type, parameters: { interval_start: from, interval_end: until, ...parameters } },
  }
}

/** The message with which GraphQL itself rejects a typed input. */
async function typeError(report: Json): Promise<string> {
  const before = await countCreated()
  const { errors = [] } = await account.client.execute(
    `mutation ($report: ReportInput!) {
      createReportRun(input: { report: $report }) { reportRun { id } userErrors { message } }
    }`,
    { report },
  )
  expect(errors).toHaveLength(1)
  expect(await countCreated()).toEqual(before)
  return errors[0]?.message ?? ''
}

function typedPath(name: string): string[] {
  if (name === 'interval_start') return ['interval', 'between', 'start']
  return name === 'interval_end' ? ['interval', 'between', 'end'] : [camelCase(name)]
}

const available = ['2024-11-01T00:00:00Z', '2026-11-01T00:00:00Z']
const decimals = ['.', ',']
type Mistake = [what: string, parameters: Json, name: string, message: RegExp, allowed: string[] | null]

function currencyMistake(currency: string): Mistake {
  const message = /is not a valid currency. Use a three-letter ISO 4217 code such as "usd"/
  return [`the currency ${JSON.stringify(currency)}`, { currency }, 'currency', message, null]
}
function timezoneMistake(timezone: string): Mistake {
  const message = /is not a valid timezone. Use an IANA name such as "Europe\/Berlin"/
  return [`the timezone ${JSON.stringify(timezone)}`, { timezone }, 'timezone', message, null]
}
function separatorMistake(decimal_separator: string): Mistake {
  const message = /is not a valid decimal separator. Use "." or ","/
  const what = `the decimal separator ${JSON.stringify(decimal_separator)}`
  return [what, { decimal_separator }, 'decimal_separator', message, decimals]
}

/** Mistakes in a typed input that only the parameter check detects. */
const mistakes: Mistake[] = [
  ['a reversed interval', { interval_start: until, interval_end: from }, 'interval_end', /is reversed/, null],
  ['an empty interval', { interval_end: from }, 'interval_end', /is empty/, null],
  [
    'a start before the first data',
    { interval_start: '2024-10-31T23:59:59Z' },
    'interval_start',
    /^The interval starts at 2024-10-31T23:59:59Z, but data for balance_change_from_activity.itemized.3 is available from 2024-11-01T00:00:00Z until 2026-11-01T00:00:00Z. Use a later start.$/,
    null,
  ],
  [
    'a start years before the first data',
    { interval_start: '0001-01-01T00:00:00Z' },
    'interval_start',
    /0001-01-01/,
    null,
  ],
  [
    'an end after the last data',
    { interval_end: '2026-11-01T00:00:01Z' },
    'interval_end',
    /^The interval ends at 2026-11-01T00:00:01Z, .* Use an earlier end, or create the run with waitForData: true.$/,
    null,
  ],
  [
    'an end after the last data because of its offset',
    { interval_end: '2026-11-01T00:00:00-01:00' },
    'interval_end',
    /ends at 2026-11-01T01:00:00Z/,
    null,
  ],
  ['an end in the year 9999', { interval_end: '9999-12-31T23:59:59Z' }, 'interval_end', /9999-12-31/, null],
  [
    'an interval after the last data',
    { interval_start: '2026-12-01T00:00:00Z', interval_end: '2027-01-01T00:00:00Z' },
    'interval_end',
    /^The interval from 2026-12-01T00:00:00Z to 2027-01-01T00:00:00Z is outside the data for .* Use an earlier interval, or create/,
    null,
  ],
  [
    'an interval before the first data',
    { interval_start: '2020-12-01T00:00:00Z', interval_end: '2021-01-01T00:00:00Z' },
    'interval_start',
    /^The interval from 2020-12-01T00:00:00Z to 2021-01-01T00:00:00Z is outside the data for .* Use a later interval.$/,
    null,
  ],
  ...['xxx', 'XTS'].map(currencyMistake),
  ...['+01:00', '-0500', 'PST', 'IST', 'SystemV/PST8PDT', 'US/Pacific-New'].map(timezoneMistake),
  ['an empty list of columns', { columns: [] }, 'columns', /The list of columns is empty/, null],
]

/** Mistakes in a typed input that GraphQL itself detects. */
const mistakesOfType: Mistake[] = [
  ...['usx', 'us', '', 'US$', 'dollars', 'usd ', 'usd\0', '\ud83d', "usd' or true --"].map(currencyMistake),
  ...[
    'Mars/Olympus',
    'UTC+1',
    'GMT+1',
    'Z',
    '',
    ' Etc/UTC',
    'Europe/Berlin\0',
    'Europe/Berlin\ud83d',
    "Etc/UTC'; drop table report_runs; --",
    '2026-01-01T00:00:00Z[Europe/Berlin]',
    'T00:00[Europe/Berlin]',
    'Factory',
    '../../etc/passwd',
  ].map(timezoneMistake),
  ...[';', '', '..', '٫', '\0', '\ud83d'].map(separatorMistake),
  [
    'a very long value',
    { currency: 'x'.repeat(50_000) },
    'currency',
    /^"x{99}… is not a valid currency/,
    null,
  ],
]

async function expectRejectedByName([, parameters, name, message, allowed]: Mistake): Promise<void> {
  expect(await refusal(inputByName(parameters))).toMatchObject([
    {
      message: expect.stringMatching(message),
      path: ['input', 'report', 'byName', 'parameters', name],
      allowed,
    },
  ])
}

describe.each(mistakes)('%s', (...mistake) => {
  const [, parameters, name, message, allowed] = mistake
  test('is rejected as typed input', async () => {
    expect(await refusal(typedInput(parameters))).toMatchObject([
      {
        message: expect.stringMatching(message),
        path: ['input', 'report', key, ...typedPath(name)],
        allowed,
      },
    ])
  })

  test('is rejected as input by name', () => expectRejectedByName(mistake))
})

describe.each(mistakesOfType)('%s', (...mistake) => {
  const [, parameters, name] = mistake
  test('is rejected by GraphQL as typed input, with its path', async () => {
    expect(await typeError(typedInput(parameters))).toContain(`at "report.${key}.${camelCase(name)}"`)
  })

  test('is rejected as input by name', () => expectRejectedByName(mistake))
})

test.each(['start', 'end', 'start,end'])(
  'an interval without %s is rejected with that path',
  async (missing) => {
    const ends = Object.entries({ start: from, end: until }).filter(([end]) => !missing.includes(end))
    const report = { [key]: { interval: { between: Object.fromEntries(ends) } } }
    expect(await refusal(report)).toMatchObject(
      missing.split(',').map((end) => ({
        message: expect.stringContaining(`requires the parameter "interval_${end}"`),
        path: ['input', 'report', key, 'interval', 'between', end],
      })),
    )
  },
)

test.each(['Charge', 'total', '', 'charge\0', 'x'.repeat(1000)])(
  'the reporting category %j is rejected with a list of valid categories',
  async (reporting_category) => {
    expect(await typeError(typedInput({ reporting_category }))).toContain(
      `at "report.${key}.reportingCategory"`,
    )
    const errors = await refusal(inputByName({ reporting_category }))
    expect(errors.map(({ path }) => path?.at(-1))).toEqual(['reporting_category'])
    for (const { allowed } of errors) {
      expect(allowed).toEqual(expect.arrayContaining(['charge', 'refund', 'payout_reversal']))
      expect(allowed).not.toContain('total')
    }
  },
)

test('the errors report every mistake at once', async () => {
  const parameters = {
    interval_start: '2020-01-01T00:00:00Z',
    interval_end: '2030-01-01T00:00:00Z',
    currency: 'xxx',
    timezone: 'IST',
    columns: ['gross', 'gross', 'nothing'],
  }
  const pathsOf = async (report: Json) => (await refusal(report)).map(({ path }) => path?.slice(3).join('.'))
  expect(await pathsOf(inputByName(parameters))).toEqual([
    'parameters.timezone',
    'parameters.currency',
    'parameters.columns.1',
    'parameters.columns.2',
    'parameters.interval_start',
    'parameters.interval_end',
  ])
  expect(await pathsOf(typedInput(parameters))).toEqual([
    'timezone',
    'currency',
    'columns.1',
    'columns.2',
    'interval.between.start',
    'interval.between.end',
  ])
})

test('the errors report the first fifty of hundreds of mistakes', async () => {
  const parameters = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`p${i}`, i]))
  expect(await refusal(inputByName(parameters))).toHaveLength(50)
})

describe('relative intervals', () => {
  test('beyond the data are rejected with the path of the interval', async () => {
    // The time is 10 November, and the data ends on 1 November.
    const errors = await refusal({ balanceSummary1: { interval: { relative: 'YESTERDAY' } } })
    expect(errors).toMatchObject([
      {
        message: expect.stringContaining(
          'from 2026-11-09T00:00:00Z to 2026-11-10T00:00:00Z is outside the data',
        ),
        allowed: null,
      },
    ])
    for (const { path } of errors) {
      expect(path).toEqual(['input', 'report', 'balanceSummary1', 'interval', 'relative'])
    }
  })

  test('in an unknown timezone are rejected with the path of the timezone', async () => {
    const errors = await refusal({
      balanceSummary1: { interval: { relative: 'PREVIOUS_MONTH' }, timezone: 'PST' },
    })
    expect(errors.map(({ path }) => path)).toEqual([['input', 'report', 'balanceSummary1', 'timezone']])
  })
})

test('a report of an account without data is rejected', async () => {
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

describe('unusual but valid values', () => {
  test('null is the same as an absent value in parameters by name', async () => {
    const nothing = { currency: null, timezone: null, reporting_category: null, columns: null }
    const { parameters } = await runReport(account, inputByName({ ...nothing, decimal_separator: null }))
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

  test('an interval can cover exactly the available data', async () => {
    const [interval_start, interval_end] = available
    const { rows } = await runReport(account, {
      byName: { name: 'payouts.summary.1', parameters: { interval_start, interval_end } },
    })
    expect(rows.length).toBeGreaterThan(0)
  })

  test.each([
    ['an offset', '2026-09-01T05:45:00+05:45', { interval_start: '2026-09-01T00:00:00Z' }],
    ['Unix seconds', Date.parse(from) / 1000, { interval_start: '2026-09-01T00:00:00Z' }],
  ])('an instant with %s is stored in UTC', async (_what, interval_start, kept) => {
    const { parameters } = await runReport(account, inputByName({ interval_start }, 'payouts.itemized.3'))
    expect(parameters).toMatchObject(kept)
  })

  test.each([
    ['utc', 'UTC'],
    ['europe/berlin', 'Europe/Berlin'],
    ['us/pacific', 'US/Pacific'],
    ['EST5EDT', 'EST5EDT'],
    ['etc/gmt+5', 'Etc/GMT+5'],
  ])('the timezone %s is stored as %s', async (timezone, stored) => {
    const { parameters } = await runReport(account, {
      payoutsSummary1: { interval: { between: { start: from, end: until } }, timezone },
    })
    expect(parameters).toMatchObject({ timezone: stored })
  })
})
