import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
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
import { runCommand } from '../../support/run-command.ts'

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
  // Without a limit, loading prints a warning.
  await database.query(`alter role ${role} set temp_file_limit = '1GB'`)
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

/** Loads a folder with these files; returns the names of the types, or the lines of the error with relative paths. */
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
    return lines.filter((line) => line !== 'The reports in REPORTS_DIR cannot be used.')
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
/** A report whose statement starts on line 10. */
function report(sql: string): string {
  return `${front}${sql}`
}
const validSql = 'select o.id, o.total from shop.orders o'

describe('a report file', () => {
  test.each([
    ['ends with a semicolon and comments', `${validSql}; -- that is it\n/* and /* this */ too */\n`],
    ['ends with a comment without a line break', `${validSql} -- that is it`],
    ['has Windows line ends', report(validSql).replaceAll('\n', '\r\n')],
    ['starts with a byte order mark', `\ufeff${report(validSql)}`],
    [
      'has colons that are not parameters',
      `${validSql} where note not in (':a', e'\\':b', $$:c$$, $d$:e$d$, 'x'::text) -- :f\n/* :g */`,
    ],
    ['uses a common table expression', `with o as (${validSql}) select o.* from o order by o.id limit 5`],
  ])('loads when it %s', async (_what, text) => {
    expect(await load({ 'a.sql': text.includes('/*---') ? text : report(text) })).toEqual(['shop.orders.1'])
  })

  test.each([
    ['has no header', validSql, 'a.sql:1: The header is missing'],
    ['has a header that is not valid YAML', front.replace('title: Orders', 'title: [Orders'), 'a.sql:4: '],
    [
      'has an alias without an anchor',
      front.replace('description: Orders.', 'description: *b'),
      'a.sql:4: The alias "*b" has no anchor "&b" before it.',
    ],
    [
      'has an alias inside its own anchor',
      front.replace('title: Orders', 'title: &a [*a]'),
      'a.sql:3: The alias "*a" has no anchor "&a" before it.',
    ],
    [
      'has a key twice',
      front.replace('title: Orders', 'title: A\ntitle: B'),
      'a.sql:4: Map keys must be unique',
    ],
    ['has an unknown key', front.replace('scope', 'scop'), 'a.sql:5: Unknown key: "scop".'],
    ['lacks a key', front.replace('title: Orders\n', ''), 'a.sql:2: "title" is missing'],
    [
      'has an invalid id',
      front.replace('shop.orders.1', 'Orders'),
      'a.sql:2: "id": "Orders" is not a valid id',
    ],
    [
      'has an unknown type',
      front.replace('decimal', 'money'),
      'a.sql:8: "columns.total.type": "money" is not a valid type',
    ],
    ['has no SQL', front, 'a.sql:10: The SELECT is missing'],
    [
      'has two statements',
      report(`${validSql};\n${validSql}`),
      'a.sql:10: The SQL continues after this semicolon',
    ],
    ['numbers its parameters', report(`${validSql}\nwhere id = $1`), 'a.sql:11: $1 is not a valid parameter'],
    [
      'uses an undeclared parameter',
      report(`${validSql}\n\nwhere id = :id`),
      'a.sql:12: The parameter ":id" is not declared',
    ],
    [
      'does not use a parameter',
      report(validSql).replace(
        'columns:',
        'parameters:\n  id: { type: integer, description: Id. }\ncolumns:',
      ),
      'a.sql:7: The parameter "id" is declared but not used',
    ],
    [
      'declares a built-in parameter',
      report(validSql).replace(
        'columns:',
        'parameters:\n  livemode: { type: boolean, description: No. }\ncolumns:',
      ),
      'a.sql:7: The parameter "livemode" is built in',
    ],
    [
      'has a default of another type',
      report(`${validSql} where id = :id`).replace(
        'columns:',
        'parameters:\n  id: { type: integer, default: one, description: Id. }\ncolumns:',
      ),
      'a.sql:7: "parameters.id.default": "one" is not a valid integer',
    ],
    ...[
      ['as a date', 'type: date', 'type'],
      ['as a list', 'type: timestamp, list: true', 'list'],
    ].map(([what, type, key]) => [
      `has the end of an interval ${what}`,
      report(`${validSql} where o.at < :interval_end`).replace(
        'columns:',
        `parameters:\n  interval_end: { ${type}, description: End. }\ncolumns:`,
      ),
      `a.sql:7: "parameters.interval_end.${key}": interval_start and interval_end must be of type timestamp`,
    ]),
    [
      'does not select rows by account',
      report(validSql).replace('scope: everyone\n', ''),
      'a.sql:2: The SQL does not use ":account_id"',
    ],
    [
      'deletes rows and has the default scope',
      report('delete from shop.orders').replace('scope: everyone\n', ''),
      'a.sql:9: The SQL must be one SELECT statement, but it starts with "delete".',
    ],
    [
      'has text with a colon and without quotes',
      front.replace('description: Orders.', 'description: Orders: all'),
      'a.sql:4: The YAML is not valid: Nested mappings are not allowed in compact mappings. Put a text that contains a colon in quotes.',
    ],
    [
      'has a parameter in an array slice',
      report(`${validSql} where (array[1, 2])[1:n] is null`),
      'In an array slice, put a space after the colon.',
    ],
    [
      'is not valid SQL',
      report(`select\n  o.id,\n  o.total fro\nshop.orders`),
      'a.sql:13: Postgres reports: syntax error',
    ],
    [
      'has surrogate pairs before its mistake',
      report(`select '😀😀😀😀' as id,\nx`),
      'a.sql:11: Postgres reports: column "x"',
    ],
    [
      'names an unknown table',
      report('select id, total\nfrom shop.order'),
      'a.sql:11: Postgres reports: relation "shop.order" does not exist',
    ],
    ['cannot read its table', report('select id, 1 as total\nfrom shop.secrets'), 'a.sql:1'],
    [
      'reads API keys',
      report('select id, 1 as total from report_gateway.api_keys'),
      'Postgres reports: permission denied',
    ],
    [
      'reads files',
      report("select 1 as id, length(pg_read_file('/etc/hosts')) as total"),
      'permission denied for function pg_read_file',
    ],
    [
      'deletes rows',
      report('delete from shop.orders returning id, total'),
      'a.sql:10: The SQL must be one SELECT statement, but it starts with "delete".',
    ],
    [
      'deletes rows in a common table expression',
      report('with d as (delete from shop.orders returning *) select id, total from d'),
      'a.sql:10: Postgres reports: ',
    ],
    ['locks rows', report(`${validSql} for update`), 'Postgres reports: '],
    [
      'lacks a column',
      report('select o.id from shop.orders o'),
      'a.sql:8: The SQL returns no column "total". Its columns are id.',
    ],
    [
      'has an undeclared column',
      report('select o.*, 1 as x from (select id, total from shop.orders) o'),
      'a.sql:6: The SQL returns the column "x", which the header does not declare',
    ],
    [
      'has an undeclared column with the name of an object property',
      report('select id, total, 1 as constructor from shop.orders'),
      'a.sql:6: The SQL returns the column "constructor", which the header does not declare',
    ],
    [
      'has a column twice',
      report('select id, total, id from shop.orders'),
      'a.sql:7: The SQL returns the column "id" twice',
    ],
    [
      'has a column of another type',
      report('select id::text, total from shop.orders'),
      'a.sql:7: The SQL returns the column "id" as text, but the header declares it as integer. Cast it to bigint',
    ],
    [
      'has an inexact column',
      report('select id, total::float8 from shop.orders'),
      'a.sql:8: The SQL returns the column "total" as float8, but the header declares it as decimal. Cast it to numeric.',
    ],
  ])('is rejected with its line when it %s', async (_what, text, problem) => {
    const [first = '', ...more] = await load({ 'a.sql': text })
    expect(first).toMatch(/^a\.sql:\d+: /)
    expect(first).toContain(problem)
    // Without a scope, :livemode is reported as well.
    expect(more.filter((line) => !line.includes(':livemode'))).toEqual([])
  })

  test('is not advised on array slices when its undeclared parameter is outside of one', async () => {
    expect(await load({ 'a.sql': report(`${validSql} where (array[1, 2])[1] = :n`) })).toEqual([
      'a.sql:10: The parameter ":n" is not declared. The declared and built-in parameters are account_id, livemode, timezone.',
    ])
  })

  test('is rejected when its id is already used; the error lists the mistakes of all files', async () => {
    const problems = await load({
      'a.sql': report(validSql),
      'b.sql': report(validSql),
      'c.sql': report(validSql).replace('shop.orders.1', 'balance.summary.1'),
      'd.sql': report('select').replace('orders', 'sales'),
      'e.sql': '\0',
      'f.txt': 'not a report',
    })
    expect(problems).toEqual([
      'b.sql:2: The id shop.orders.1 is already used by a.sql. Choose another id.',
      'c.sql:2: The id balance.summary.1 is already used by a built-in report. Choose another id.',
      'e.sql:1: The file is not valid UTF-8 text.',
    ])
  })
})

test('npm run reports lists the valid reports', async () => {
  const folder = fileURLToPath(new URL('../../support/custom-reports', import.meta.url))
  await database.query('alter table shop.orders add buyer text, add currency text, add is_gift boolean')
  const environment = { REPORTS_DIR: folder, REPORTS_DATABASE_URL: loginUrl() }
  expect(await runCommand(reportsCommand, [], environment)).toEqual([
    `shop.orders.1  ${join(folder, 'orders.sql')}  Orders`,
    'Valid custom reports: 1.',
  ])
})

test('a folder that does not exist, or is a file, is rejected with advice', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'report-gateway-custom-'))
  const file = join(parent, 'file')
  try {
    await writeFile(file, '')
    const missing = join(parent, 'missing')
    for (const [folder, fault] of [
      [missing, 'does not exist'],
      [file, 'is not a folder'],
    ] as const) {
      const loading = loadCustomReports({ folder, pool, limits: { rows: 10, seconds: 10 }, taken: [] })
      await expect(loading).rejects.toThrow(
        new ConfigurationError(
          `REPORTS_DIR is ${folder}, which ${fault}. Set it to the folder of your custom reports.`,
        ),
      )
    }
  } finally {
    await rm(parent, { recursive: true })
  }
})

test('a folder and a broken link that are named like reports are lines of the error', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'report-gateway-custom-'))
  await mkdir(join(folder, 'a.sql'))
  await symlink('nowhere', join(folder, 'b.sql'))
  const limits = { rows: 10, seconds: 10 }
  await expect(loadCustomReports({ folder, pool, limits, taken: [] })).rejects.toThrow(
    new ConfigurationError(
      `The reports in REPORTS_DIR cannot be used.\n${folder}/a.sql:1: The file is a folder.\n${folder}/b.sql:1: The file does not exist.`,
    ),
  )
  await rm(folder, { recursive: true })
})
