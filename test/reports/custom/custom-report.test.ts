import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ensureReader, readerRole } from '../../../src/reports/custom/login.ts'
import { customReportHeader } from '../../support/custom-report-header.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { startTestGateway, type TestAccount } from '../../support/gateway.ts'
import { requestReport, runReport } from '../../support/run-report.ts'

const example = fileURLToPath(new URL('../../support/custom-reports/orders.sql', import.meta.url))

let database: TestDatabase
let account: TestAccount
let live: TestAccount
let other: TestAccount
const cleanup = new AsyncDisposableStack()

function ordersOf({ accountId, livemode }: TestAccount, orders: [string, string, string, string][]) {
  return Promise.all(
    orders.map(([placedAt, buyer, total, currency]) =>
      database.query(
        'insert into shop.orders (account_id, livemode, placed_at, buyer, total, currency) values ($1, $2, $3, $4, $5, $6)',
        [accountId, livemode, placedAt, buyer, total, currency],
      ),
    ),
  )
}

beforeAll(async () => {
  database = cleanup.use(await createTestDatabase())
  await database.query(`create schema shop
    create table orders (
      id bigint generated always as identity, account_id text, livemode boolean, placed_at timestamptz,
      buyer text, total numeric, currency text, is_gift boolean default false
    )`)
  // Gateway and worker do this at the same time when they start together.
  await Promise.all([ensureReader(database.url), ensureReader(database.url)])
  await database.query(`grant usage on schema shop to ${readerRole}`)
  await database.query(`grant select on shop.orders to ${readerRole}`)
  await database.query(`alter role ${readerRole} set standard_conforming_strings = off`)

  const folder = await mkdtemp(join(tmpdir(), 'report-gateway-custom-'))
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  await copyFile(example, join(folder, 'orders.sql'))
  await writeFile(
    join(folder, 'echo.sql'),
    `${customReportHeader(
      'echo',
      `parameters:
  texts: { type: string, list: true, description: Texts. }
  text: { type: string, description: Another. }`,
    )}
    select a from unnest(:texts || :text) with ordinality as given (a, position)
    where a is not null and ':text\\' <> '' /* :text */
    order by position;`,
  )
  await writeFile(
    join(folder, 'ledger.sql'),
    `${customReportHeader('ledger').replace('scope: everyone', '')}select id as a from balance_transactions
    where account_id = :account_id and livemode = :livemode`,
  )
  const limits = { rows: 1_000, seconds: 60 }
  const gateway = cleanup.use(
    await startTestGateway({
      database,
      config: { reports: { folder, databaseUrl: null, limits }, concurrency: 4 },
    }),
  )
  account = await gateway.createAccount()
  live = await gateway.createAccount({ accountId: account.accountId, livemode: true })
  other = await gateway.createAccount()
  await ordersOf(account, [
    ['2026-08-31T23:59:59.999Z', 'Too Early', '1', 'eur'],
    ['2026-08-31T22:30:00Z', 'Earlier', '1', 'eur'],
    ['2026-09-01T00:00:00Z', 'Ada', '12.50', 'eur'],
    ['2026-09-10T22:30:00.5Z', '=HYPERLINK("x")', '1000', 'jpy'],
    ['2026-09-30T23:59:59.999Z', "O'Hara", '0.05', 'usd'],
    ['2026-10-01T00:00:00Z', 'Too Late', '1', 'eur'],
  ])
  await ordersOf(live, [['2026-09-05T00:00:00Z', 'Live', '2', 'eur']])
  await ordersOf(other, [['2026-09-05T00:00:00Z', 'Of Another', '3', 'eur']])
})
afterAll(() => cleanup.disposeAsync())

const september = { interval_start: '2026-09-01T00:00:00Z', interval_end: '2026-10-01T00:00:00Z' }
function orders(parameters: Record<string, unknown> = {}) {
  return {
    byName: { name: 'shop.orders.1', parameters: { ...september, ...parameters } },
  }
}

describe('a custom report', () => {
  test('is in the catalog with its parameters and columns', async () => {
    const { node } = await account.client.request<{ node: Record<string, unknown> }>(`{
      node(id: "shop.orders.1") { ... on ReportType {
        title inputKey requiresLiveMode acceptsAnyInterval dataAvailableFrom dataAvailableUntil
        parameters { name type isRequired isList defaultValue allowedValues }
        columns { name type isDefault }
        parametersSchema
      } }
    }`)
    expect(node).toMatchObject({
      title: 'Orders',
      inputKey: null,
      requiresLiveMode: false,
      acceptsAnyInterval: true,
      dataAvailableFrom: null,
      dataAvailableUntil: null,
      parametersSchema: {
        required: ['interval_start', 'interval_end'],
        properties: { currencies: { type: 'array', items: { enum: ['eur', 'jpy', 'usd'] } } },
      },
    })
    const none = { isRequired: false, isList: false, defaultValue: null, allowedValues: null }
    const time = { ...none, type: 'TIMESTAMP', isRequired: true }
    expect(node.parameters).toEqual([
      { ...time, name: 'interval_start' },
      { ...time, name: 'interval_end' },
      { ...none, name: 'currencies', type: 'STRING', isList: true, allowedValues: ['eur', 'jpy', 'usd'] },
      { ...none, name: 'least_total', type: 'DECIMAL', defaultValue: '"0"' },
      { ...none, name: 'buyer', type: 'STRING' },
      { ...none, name: 'timezone', type: 'STRING', defaultValue: '"Etc/UTC"' },
      { ...none, name: 'decimal_separator', type: 'STRING', defaultValue: '"."', allowedValues: ['.', ','] },
      { ...none, name: 'columns', type: 'STRING', isList: true },
    ])
    expect(node.columns).toEqual([
      { name: 'order_id', type: 'INTEGER', isDefault: true },
      { name: 'placed_at', type: 'TIMESTAMP', isDefault: true },
      { name: 'placed_on', type: 'DATE', isDefault: true },
      { name: 'buyer', type: 'STRING', isDefault: true },
      { name: 'total', type: 'DECIMAL', isDefault: true },
      { name: 'currency', type: 'STRING', isDefault: true },
      { name: 'is_gift', type: 'BOOLEAN', isDefault: false },
    ])
  })

  test('returns only the rows of the caller, unchanged', async () => {
    const { text, rows } = await runReport(account, orders())
    const ids = rows.map((row) => row.order_id)
    expect(text).toBe(`"order_id","placed_at","placed_on","buyer","total","currency"
"${ids[0]}","2026-09-01 00:00:00","2026-09-01","Ada","12.50","eur"
"${ids[1]}","2026-09-10 22:30:00","2026-09-10","'=HYPERLINK(""x"")","1000","jpy"
"${ids[2]}","2026-09-30 23:59:59","2026-09-30","O'Hara","0.05","usd"
`)
    const buyersOf = async (one: TestAccount) => (await runReport(one, orders())).rows.map((row) => row.buyer)
    expect(await buyersOf(live)).toEqual(['Live'])
    expect(await buyersOf(other)).toEqual(['Of Another'])
  })

  test('accepts columns, a timezone and a decimal separator like a built-in report', async () => {
    const { text } = await runReport(
      account,
      orders({
        interval_start: '2026-08-31T22:00:00Z',
        interval_end: '2026-09-11T00:00:00+02:00',
        timezone: 'europe/berlin',
        decimal_separator: ',',
        least_total: 1,
        currencies: ['eur'],
        columns: ['total', 'placed_on', 'placed_at', 'is_gift'],
      }),
    )
    expect(text).toBe(`"total","placed_on","placed_at","is_gift"
"1","2026-09-01","2026-09-01 00:30:00","false"
"1","2026-09-01","2026-09-01 01:59:59","false"
"12,50","2026-09-01","2026-09-01 02:00:00","false"
`)
  })

  test.each([
    ['interval_start', undefined, [], /requires the parameter "interval_start"/],
    ['interval_end', '2026-09-01T00:00:00Z', [], /is empty/],
    ['interval_end', '0000-09-01T00:00:00Z', [], /not a valid timestamp/],
    ['currencies', ['gbp'], ['0'], /"gbp" is not allowed/],
    ['currencies', 'eur', [], /not a valid list/],
    ['least_total', '1e3', [], /not a valid decimal/],
    ['least_total', 1e21, [], /not a valid decimal/],
    ['buyer', 'a\0b', [], /NUL/],
    ['buyer', 'a\ud83d', [], /surrogate/],
    ['buyer', 'x'.repeat(10_001), [], /too long/],
    ['buyer', { not: 'text' }, [], /not a valid string/],
    ['account_id', 'acct_other', [], /has no parameter "account_id"/],
    ['livemode', true, [], /has no parameter "livemode"/],
    ['columns', ['secret'], ['0'], /no column "secret"/],
  ])('rejects an invalid %s (%#)', async (name, value, rest, message) => {
    const { reportRun, userErrors } = await requestReport(account, orders({ [name]: value }))
    expect(reportRun).toBeNull()
    const path = ['input', 'report', 'byName', 'parameters', name, ...rest]
    expect(userErrors).toMatchObject([{ path, message: expect.stringMatching(message) }])
  })

  test('accepts any text as a value and never runs it as SQL', async () => {
    const texts = [
      ...["'", '\\', "\\'; drop table shop.orders; --", "') as line) to stdout; drop table shop.orders; --"],
      ...[
        '$$',
        '$1',
        ':account_id',
        '--',
        '/*',
        '*/',
        "E'\\x27'",
        "U&'\\0027'",
        '"',
        ';',
        '{a,b}',
        'null',
        '',
      ],
      ...['😀\u202e\ufeff', "'".repeat(10_000)],
      ...fc.sample(fc.string({ unit: fc.constantFrom(...`'"\\$;:-/*E\n `) }), 100),
    ]
    const { rows } = await runReport(account, { byName: { name: 'test.echo.1', parameters: { texts } } })
    expect(rows.map((row) => row.a)).toEqual(texts.map((text) => (/^[-\n]/.test(text) ? `'${text}` : text)))
    const each = texts.slice(0, 6).map(async (text) => {
      const { rows } = await runReport(account, { byName: { name: 'test.echo.1', parameters: { text } } })
      return rows.map((row) => row.a)
    })
    expect(await Promise.all(each)).toEqual(texts.slice(0, 6).map((text) => [text]))
  })

  test('can read the ledger', async () => {
    expect((await runReport(account, { byName: { name: 'test.ledger.1', parameters: {} } })).rows).toEqual([])
  })
})
