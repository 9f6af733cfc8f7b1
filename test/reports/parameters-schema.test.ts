import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoAccountId } from '../../src/demo/demo.ts'
import { documentedTypes } from '../support/documented-types.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { requestReport, runReport } from '../support/run-report.ts'

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway({ withLedger: true })
  account = await gateway.createAccount({ accountId: demoAccountId })
})
afterAll(() => gateway[Symbol.asyncDispose]())

type Schema = {
  $schema?: string
  title?: string
  type?: string
  description?: string
  default?: unknown
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean
  items?: Schema
  anyOf?: Schema[]
  enum?: unknown[]
  pattern?: string
  format?: string
  minimum?: number
  maximum?: number
  minItems?: number
  maxItems?: number
  uniqueItems?: boolean
}

async function readSchemas(): Promise<{ name: string; parametersSchema: Schema }[]> {
  const { reportTypes } = await account.client.request<{
    reportTypes: { nodes: { name: string; parametersSchema: Schema }[] }
  }>('{ reportTypes { nodes { name parametersSchema } } }')
  return reportTypes.nodes
}

function kindOf(value: unknown): string[] {
  if (value === null) return ['null']
  if (Array.isArray(value)) return ['array']
  if (typeof value === 'number') return Number.isInteger(value) ? ['integer', 'number'] : ['number']
  return [typeof value]
}

/** The JSON Schema keywords in use; any other keyword fails the test. `format` is only an annotation, as by default. */
const keywords: Record<string, (schema: Schema, value: unknown) => boolean> = {
  $schema: () => true,
  title: () => true,
  description: () => true,
  default: () => true,
  format: () => true,
  type: ({ type = '' }, value) => kindOf(value).includes(type),
  enum: ({ enum: values = [] }, value) => values.includes(value),
  anyOf: ({ anyOf = [] }, value) => anyOf.some((schema) => isValid(schema, value)),
  pattern: ({ pattern = '' }, value) => typeof value !== 'string' || new RegExp(pattern, 'u').test(value),
  minimum: ({ minimum = 0 }, value) => typeof value !== 'number' || value >= minimum,
  maximum: ({ maximum = 0 }, value) => typeof value !== 'number' || value <= maximum,
  minItems: ({ minItems = 0 }, value) => !Array.isArray(value) || value.length >= minItems,
  maxItems: ({ maxItems = 0 }, value) => !Array.isArray(value) || value.length <= maxItems,
  uniqueItems: (_schema, value) => !Array.isArray(value) || new Set(value).size === value.length,
  items: ({ items = {} }, value) => !Array.isArray(value) || value.every((item) => isValid(items, item)),
  required: ({ required = [] }, value) => required.every((name) => Object.hasOwn(Object(value), name)),
  properties: ({ properties = {} }, value) =>
    Object.entries(Object(value)).every(([name, item]) => isValid(properties[name] ?? {}, item)),
  additionalProperties: ({ properties = {}, additionalProperties }, value) => {
    expect(additionalProperties).toBe(false)
    return Object.keys(Object(value)).every((name) => Object.hasOwn(properties, name))
  },
}

function isValid(schema: Schema, value: unknown): boolean {
  return Object.keys(schema).every((keyword) => {
    expect(Object.keys(keywords)).toContain(keyword)
    return keywords[keyword]?.(schema, value)
  })
}

const interval = { interval_start: '2026-09-01T00:00:00Z', interval_end: '2026-09-02T00:00:00Z' }

/** Parameters of the itemized activity, and whether they are valid. */
const samples: [what: string, parameters: Record<string, unknown>, expected: boolean][] = [
  ['the interval alone', interval, true],
  ['instants with offset and fraction', { ...interval, interval_start: '2026-08-31T20:00:00.5-04:00' }, true],
  ['Unix seconds', { interval_start: 1788220800, interval_end: 1788307200 }, true],
  [
    'everything at once',
    {
      ...interval,
      timezone: 'Asia/Kolkata',
      currency: 'jpy',
      reporting_category: 'charge',
      decimal_separator: ',',
      columns: ['gross', 'payment_metadata[order_id]', 'payment_metadata[注文 🚪]', 'transfer_metadata["]'],
    },
    true,
  ],
  ['nothing', {}, false],
  ['no end', { interval_start: interval.interval_start }, false],
  ['a date without a time', { ...interval, interval_end: '2026-09-02' }, false],
  ['30 February', { ...interval, interval_end: '2026-02-30T00:00:00Z' }, false],
  ['a fraction for seconds', { ...interval, interval_end: 1788307200.5 }, false],
  ['a number for a timezone', { ...interval, timezone: 1 }, false],
  ['an unknown category', { ...interval, reporting_category: 'charges' }, false],
  ['a stablecoin', { ...interval, currency: 'USDC' }, true],
  ['a semicolon for the point', { ...interval, decimal_separator: ';' }, false],
  ['text for columns', { ...interval, columns: 'gross' }, false],
  ['no columns', { ...interval, columns: [] }, false],
  [
    '251 columns',
    { ...interval, columns: Array.from({ length: 251 }, (_, i) => `payment_metadata[${i}]`) },
    false,
  ],
  ['an unknown column', { ...interval, columns: ['gross', 'net_amount'] }, false],
  ['a column twice', { ...interval, columns: ['gross', 'fee', 'gross'] }, false],
  ['metadata without a key', { ...interval, columns: ['payment_metadata'] }, false],
  ['a bracket in a key', { ...interval, columns: ['payment_metadata[a]]'] }, false],
  ['a line break in a key', { ...interval, columns: ['payment_metadata[a\n]'] }, false],
  ['half of a surrogate pair in a key', { ...interval, columns: ['payment_metadata[\ud83d]'] }, false],
  ['a parameter of another type', { ...interval, payout: 'po_1' }, false],
]

describe('the JSON Schema of the parameters', () => {
  test('has draft 2020-12, the name of the type, and a description of each parameter', async () => {
    for (const { name, parametersSchema } of await readSchemas()) {
      const { required, parameters } = documentedTypes.find((type) => type.name === name) ?? {}
      const timezone = { type: 'string', default: 'Etc/UTC' }
      expect(parametersSchema).toMatchObject({
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        title: name,
        type: 'object',
        required,
        additionalProperties: false,
        properties: parameters?.includes('timezone') ? { timezone } : {},
      })
      for (const [parameter, schema] of Object.entries(parametersSchema.properties ?? {})) {
        expect(schema.description, `${name} ${parameter}`).toMatch(/\.$/)
      }
    }
  })

  test.each(samples)('agrees with the validation: %s', async (_what, parameters, expected) => {
    const schemas = await readSchemas()
    const type = 'balance_change_from_activity.itemized.3'
    const schema = schemas.find(({ name }) => name === type)?.parametersSchema ?? {}
    const { userErrors } = await requestReport(account, { byName: { name: type, parameters } })
    expect({ bySchema: isValid(schema, parameters), byRequest: userErrors.length === 0 }).toEqual({
      bySchema: expected,
      byRequest: expected,
    })
  })

  test.each([
    ['po_1MxF2a', true],
    ['po_', false],
    ['tr_1', false],
    ['po_1 ', false],
    [1, false],
    [`po_${'x'.repeat(251)}`, false],
  ])('agrees with the validation on the payout %j', async (payout, expected) => {
    const schemas = await readSchemas()
    const type = 'payout_reconciliation.by_id.summary.1'
    const schema = schemas.find(({ name }) => name === type)?.parametersSchema ?? {}
    const { userErrors } = await requestReport(account, { byName: { name: type, parameters: { payout } } })
    const message = expected ? /^There is no payout/ : /is not a valid payout ID/
    expect(userErrors).toMatchObject([{ message: expect.stringMatching(message) }])
    expect(isValid(schema, { payout })).toBe(expected)
  })

  test('accepts the parameters of every finished run', async () => {
    for (const { name, parametersSchema } of await readSchemas()) {
      const type = documentedTypes.find((documented) => documented.name === name)
      if (!type || type.replacedBy || !type.required.includes('interval_end')) continue
      if (name.startsWith('all_fees')) continue
      const given = Object.entries(interval).filter(([parameter]) => type.required.includes(parameter))
      const { parameters } = await runReport(account, {
        byName: { name: name, parameters: Object.fromEntries(given) },
      })
      expect(isValid(parametersSchema, parameters)).toBe(true)
    }
  })
})

describe('the parameters of a run', () => {
  const { interval_start: start, interval_end: end } = interval
  const between = { start, end }

  test.each([
    [
      'balance.summary.1',
      { balanceSummary1: { interval: { between }, timezone: 'us/pacific', currency: 'USD' } },
    ],
    [
      'balance_change_from_activity.summary.1',
      { balanceChangeFromActivitySummary1: { interval: { between } } },
    ],
    [
      'balance_change_from_activity.itemized.3',
      {
        balanceChangeFromActivityItemized3: {
          interval: { between: { start: '2026-09-01T05:30:00.250+05:30', end } },
          timezone: 'CET',
          reportingCategory: 'CHARGE',
          decimalSeparator: 'COMMA',
          columns: ['created', 'gross', 'payment_metadata[order_id]'],
        },
      },
    ],
    ['payouts.summary.1', { payoutsSummary1: { interval: { between } } }],
    ['payouts.itemized.3', { payoutsItemized3: { interval: { between } } }],
  ])('produce the same file when they are submitted again: %s', async (type, report) => {
    const first = await runReport(account, report)
    const again = await runReport(account, { byName: { name: type, parameters: first.parameters } })
    expect(again.parameters).toEqual(first.parameters)
    expect(again.sha256).toBe(first.sha256)
    expect(again.rows.length).toBeGreaterThan(0)
  })
})
