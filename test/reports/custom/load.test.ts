import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { reportsCommand } from '../../../src/cli/commands/reports.ts'
import { ConfigurationError } from '../../../src/errors.ts'
import { createPool } from '../../../src/postgres/client.ts'
import { loadCustomReports } from '../../../src/reports/custom/load.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

const role = `shop_${randomBytes(6).toString('hex')}`
const cleanup = new AsyncDisposableStack()
let database: TestDatabase
let pool: Pool

function loginUrl(): string {
  const url = new URL(database.url)
  url.username = role
  url.password = 'only-read'
  return url.href
}

beforeAll(async () => {
  database = cleanup.use(await createTestDatabase())
  await database.query(`create schema shop
    create table orders (id bigint, account_id text, livemode boolean, placed_at timestamptz, total numeric, note text)
    create table secrets (id bigint)`)
  await database.query(`create role ${role} login password 'only-read'`)
  cleanup.defer(async () => {
    await database.query(`drop owned by ${role}`)
    await database.query(`drop role ${role}`)
  })
  await database.query(`grant usage on schema shop to ${role}`)
  await database.query(`grant select on shop.orders to ${role}`)
  pool = createPool({ url: loginUrl(), max: 1, applicationName: 'test', isForeign: true, onError: () => {} })
  cleanup.defer(() => pool.end())
})
afterAll(() => cleanup.disposeAsync())

/** What loading a folder with these files comes to: names of types, or what was wrong, by the files' own names. */
async function load(files: Record<string, string>): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'report-gateway-custom-'))
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
    const limits = { rows: 10, seconds: 10 }
    const loaded = await loadCustomReports({ folder, pool, limits, taken: ['balance.summary.1'] })
    return loaded.map(({ type }) => type.name)
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    const lines = error.message.replaceAll(`${folder}/`, '').split('\n')
    return lines.filter((line) => line !== 'The reports of REPORTS_DIR cannot be used.')
  } finally {
    await rm(folder, { recursive: true })
  }
}

const front = `/*---
id: shop.orders.1
title: Orders
description: Orders.
scope: everyone
columns:
  id: { type: integer, description: Number. }
  total: { type: decimal, description: Total. }
---*/
`
/** The report of a statement that begins in line 10. */
function report(sql: string): string {
  return `${front}${sql}`
}
const good = 'select o.id, o.total from shop.orders o'

describe('a file of a report', () => {
  test.each([
    ['ends with a semicolon and comments', `${good}; -- that is it\n/* and /* this */ too */\n`],
    ['ends with a comment without a line', `${good} -- that is it`],
    ['has lines as Windows ends them', report(good).replaceAll('\n', '\r\n')],
    ['begins with a byte order mark', `\ufeff${report(good)}`],
    [
      'has colons that are no parameters',
      `${good} where note not in (':a', e'\\':b', $$:c$$, $d$:e$d$, 'x'::text) -- :f\n/* :g */`,
    ],
    ['uses a common table expression', `with o as (${good}) select o.* from o order by o.id limit 5`],
  ])('is read when it %s', async (_what, text) => {
    expect(await load({ 'a.sql': text.includes('/*---') ? text : report(text) })).toEqual(['shop.orders.1'])
  })

  test.each([
    ['has no header', good, 'a.sql:1: The header is missing'],
    ['has a header that is no YAML', front.replace('title: Orders', 'title: [Orders'), 'a.sql:4: '],
    [
      'names an unknown alias',
      front.replace('description: Orders.', 'description: *b'),
      'a.sql:4: There is no anchor "&b"',
    ],
    [
      'has an alias in itself',
      front.replace('title: Orders', 'title: &a [*a]'),
      'a.sql:3: There is no anchor "&a"',
    ],
    [
      'says a thing twice',
      front.replace('title: Orders', 'title: A\ntitle: B'),
      'a.sql:4: Map keys must be unique',
    ],
    ['has an unknown key', front.replace('scope', 'scop'), 'a.sql:5: There is no key "scop" here'],
    ['lacks a key', front.replace('title: Orders\n', ''), 'a.sql:2: "title" is missing'],
    ['has a bad id', front.replace('shop.orders.1', 'Orders'), 'a.sql:2: "id": "Orders" is no id'],
    [
      'has an unknown type',
      front.replace('decimal', 'money'),
      'a.sql:8: "columns.total.type": "money" is no type',
    ],
    ['has no SQL', front, 'a.sql:10: The SELECT is missing'],
    ['has two statements', report(`${good};\n${good}`), 'a.sql:10: More follows this semicolon'],
    ['numbers its parameters', report(`${good}\nwhere id = $1`), 'a.sql:11: $1 is no parameter'],
    [
      'uses an unknown parameter',
      report(`${good}\n\nwhere id = :id`),
      'a.sql:12: There is no parameter ":id"',
    ],
    [
      'does not use a parameter',
      report(good).replace('columns:', 'parameters:\n  id: { type: integer, description: Id. }\ncolumns:'),
      'a.sql:7: The parameter "id" is declared and not used',
    ],
    [
      'declares what is built in',
      report(good).replace(
        'columns:',
        'parameters:\n  livemode: { type: boolean, description: No. }\ncolumns:',
      ),
      'a.sql:7: The parameter "livemode" is built in',
    ],
    [
      'has a default of another type',
      report(`${good} where id = :id`).replace(
        'columns:',
        'parameters:\n  id: { type: integer, default: one, description: Id. }\ncolumns:',
      ),
      'a.sql:7: "parameters.id.default": "one" is no whole number',
    ],
    ...[
      ['as a day', 'type: date', 'type'],
      ['as a list', 'type: timestamp, list: true', 'list'],
    ].map(([what, type, key]) => [
      `has the end of an interval ${what}`,
      report(`${good} where o.at < :interval_end`).replace(
        'columns:',
        `parameters:\n  interval_end: { ${type}, description: End. }\ncolumns:`,
      ),
      `a.sql:7: "parameters.interval_end.${key}": interval_start and interval_end have to be of type timestamp`,
    ]),
    [
      'tells no account from another',
      report(good).replace('scope: everyone\n', ''),
      'a.sql:2: The SQL does not use ":account_id"',
    ],
    [
      'is no SQL',
      report(`select\n  o.id,\n  o.total fro\nshop.orders`),
      'a.sql:13: Postgres says: syntax error',
    ],
    [
      'has a character of two halves before its fault',
      report(`select '😀😀😀😀' as id,\nx`),
      'a.sql:11: Postgres says: column "x"',
    ],
    [
      'names no table',
      report('select id, total\nfrom shop.order'),
      'a.sql:11: Postgres says: relation "shop.order" does not exist',
    ],
    ['may not read its table', report('select id, 1 as total\nfrom shop.secrets'), 'a.sql:1'],
    [
      'reads our keys',
      report('select id, 1 as total from report_gateway.api_keys'),
      'Postgres says: permission denied',
    ],
    [
      'reads files',
      report("select 1 as id, length(pg_read_file('/etc/hosts')) as total"),
      'permission denied for function pg_read_file',
    ],
    [
      'deletes',
      report('delete from shop.orders returning id, total'),
      'a.sql:10: Postgres says: syntax error',
    ],
    [
      'deletes on the way',
      report('with d as (delete from shop.orders returning *) select id, total from d'),
      'a.sql:10: Postgres says: ',
    ],
    ['locks rows', report(`${good} for update`), 'Postgres says: '],
    [
      'lacks a column',
      report('select o.id from shop.orders o'),
      'a.sql:8: The SQL gives no column "total". It gives id.',
    ],
    [
      'has a column too many',
      report('select o.*, 1 as x from (select id, total from shop.orders) o'),
      'a.sql:6: The SQL gives the column "x", and the header does not have it',
    ],
    [
      'has a column too many that is named as what every object has',
      report('select id, total, 1 as constructor from shop.orders'),
      'a.sql:6: The SQL gives the column "constructor", and the header does not have it',
    ],
    [
      'has a column twice',
      report('select id, total, id from shop.orders'),
      'a.sql:7: The SQL gives the column "id" twice',
    ],
    [
      'has a column of another type',
      report('select id::text, total from shop.orders'),
      'a.sql:7: The SQL gives the column "id" as text, which is no integer',
    ],
    [
      'has an inexact column',
      report('select id, total::float8 from shop.orders'),
      'a.sql:8: The SQL gives the column "total" as float8, which is no decimal. Cast it to numeric.',
    ],
  ])('is refused by its line when it %s', async (_what, text, problem) => {
    const [first = '', ...more] = await load({ 'a.sql': text })
    expect(first).toMatch(/^a\.sql:\d+: /)
    expect(first).toContain(problem)
    // Without a scope, two things are missing.
    expect(more.filter((line) => !line.includes(':livemode'))).toEqual([])
  })

  test('is refused when its id is taken, and the mistakes of all files are told at once', async () => {
    const problems = await load({
      'a.sql': report(good),
      'b.sql': report(good),
      'c.sql': report(good).replace('shop.orders.1', 'balance.summary.1'),
      'd.sql': report('select').replace('orders', 'sales'),
      'e.sql': '\0',
      'f.txt': 'no report',
    })
    expect(problems).toEqual([
      'b.sql:2: There is a report shop.orders.1 already: that of a.sql.',
      'c.sql:2: There is a report balance.summary.1 already: that of the gateway itself.',
      'e.sql:1: The file is no text in UTF-8.',
    ])
  })
})

test('npm run reports lists what can be run', async () => {
  const lines: string[] = []
  const folder = fileURLToPath(new URL('../../support/custom-reports', import.meta.url))
  await database.query('alter table shop.orders add buyer text, add currency text, add is_gift boolean')
  await reportsCommand({
    args: [],
    environment: { REPORTS_DIR: folder, REPORTS_DATABASE_URL: loginUrl() },
    print: (line) => lines.push(line),
    stdout: process.stdout,
    stderr: process.stderr,
    signal: AbortSignal.timeout(10_000),
  })
  expect(lines).toEqual([`shop.orders.1  ${join(folder, 'orders.sql')}  Orders`, 'Valid custom reports: 1.'])
})
