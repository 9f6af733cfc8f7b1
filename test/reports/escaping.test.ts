import { buffer, text as readAll } from 'node:stream/consumers'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { type Client, DatabaseError } from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createConnection } from '../../src/postgres/client.ts'
import { builtInReportTypes } from '../../src/reports/catalog.ts'
import { renderReport } from '../../src/reports/render.ts'
import type { AcceptedParameters } from '../../src/reports/report-type.ts'
import { literalText, sql } from '../../src/reports/sql.ts'
import { createParquetEncoder } from '../../src/worker/parquet/encoder.ts'
import { builtInType } from '../support/built-in-type.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { marchEnd, marchStart, writeMarchLedger } from '../support/march-ledger.ts'
import { readParquet } from '../support/read-parquet.ts'
import { runReport } from '../support/run-report.ts'

const activityItemized3 = builtInType('balance_change_from_activity.itemized.3')

let gateway: TestGateway
let account: TestAccount
/** Can write, and uses the simple protocol, so that a second statement in a text would run too. */
let connection: Client
beforeAll(async () => {
  gateway = await startTestGateway()
  account = await gateway.createAccount()
  await writeMarchLedger(gateway.database, account, [])
  connection = createConnection(gateway.database.url, 'test')
  await connection.connect()
  await connection.query('create table canary (name text)')
})
afterAll(async () => {
  await connection.end()
  await gateway[Symbol.asyncDispose]()
})

/** Texts that are known from SQL injections. */
const hostileTexts = [
  "'",
  "''",
  "'''",
  '\\',
  "\\'",
  "\\\\'",
  "'; insert into canary values ('quote'); --",
  "\\'; insert into canary values ('backslash'); --",
  "') to stdout; insert into canary values ('copy'); --",
  "' || (insert into canary values ('concatenation') returning name) || '",
  '$$; insert into canary values ($$dollars$$); --',
  "$tag$'; insert into canary values ('tag'); --",
  '$1',
  '#{1}',
  '?',
  ':name',
  '%s %I %L',
  '--',
  '/* */',
  '*/ or true',
  ';',
  "E'\\x27'",
  "U&'\\0027'",
  "\"; insert into canary values ('identifier'); --",
  'ʼ; insert into canary values (ʼmodifierʼ); --',
  '＇; －－',
  '’ ‘ ´ `',
  '\u2028\u2029\u0085',
  '\ufeff\u202e\u200d',
  '\\.',
  '\\N',
  'a\\u0000b',
  '😀𝕏é',
]

const anyText = fc
  .oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom(...`'"\\$;-/*E\n`, ' ') }))
  .filter((text) => !text.includes('\0'))

describe('a value as a literal', () => {
  const expectUnchanged = async (values: readonly string[]): Promise<void> => {
    const columns = values.map((value) => literalText(sql`select ${value}::text as value`))
    const { rows } = await connection.query<{ value: string }>(columns.join(' union all '))
    expect(rows.map(({ value }) => value)).toEqual(values)
  }

  test.each(['on', 'off'])('is unchanged with standard_conforming_strings %s', async (setting) => {
    await connection.query(`set standard_conforming_strings = ${setting}; set escape_string_warning = off`)
    try {
      await expectUnchanged(hostileTexts)
      await fc.assert(fc.asyncProperty(fc.array(anyText, { minLength: 1, maxLength: 20 }), expectUnchanged), {
        numRuns: 150,
      })
    } finally {
      await connection.query('reset standard_conforming_strings; reset escape_string_warning')
    }
  })

  test.each([
    ['NUL', 'a\0b', /NUL/],
    ['half of a surrogate pair', 'a\ud83d', /surrogate/],
    ['a number', 5, /of type number cannot be written/],
    ['null', null, /of type object cannot be written/],
    ['a date', new Date(0), /of type object cannot be written/],
  ])('is rejected when it is %s', (_what, value, message) => {
    expect(() => literalText(sql`select ${value}`)).toThrow(message)
  })

  test('keeps its position among other values and booleans', async () => {
    const inner = sql`${'$2'}::text || ${"'"}::text`
    const text = literalText(sql`select ${inner} || ${true} as one, ${false} as two, ${'?'}::text as three`)
    expect((await connection.query(text)).rows).toEqual([{ one: "$2'true", two: false, three: '?' }])
  })
})

async function canaries() {
  return (await gateway.database.query<{ name: string }>('select name from canary')).map(({ name }) => name)
}

function renderUnchecked(type = activityItemized3, parameters: AcceptedParameters = {}) {
  return renderReport(type, account, {
    interval_start: marchStart,
    interval_end: marchEnd,
    timezone: 'Etc/UTC',
    payout: 'po_1',
    ...parameters,
  })
}

/** The file for parameters that skipped validation; throws the error of the database. */
async function runUnchecked(type = activityItemized3, parameters: AcceptedParameters = {}) {
  const report = renderUnchecked(type, parameters)
  await connection.query(report.rowsText)
  return report.header + (await readAll(connection.query(copyTo(report.copyText.CSV))))
}

/** The first row of the columns in each format, read by independent parsers. */
async function firstRows(columns: readonly string[]) {
  const report = renderUnchecked(activityItemized3, { columns })
  const csv = report.header + (await readAll(connection.query(copyTo(report.copyText.CSV))))
  const jsonl = await readAll(connection.query(copyTo(report.copyText.JSONL)))
  const encoder = createParquetEncoder(
    report.columns.map(({ requestedName, value }) => ({ name: requestedName, kind: value.kind })),
    'NONE',
  )
  const rows = encoder.take(await buffer(connection.query(copyTo(report.copyText.PARQUET))))
  const parquet = readParquet(Buffer.concat([rows, encoder.end()]))
  const [json = ''] = jsonl.split('\n')
  return {
    csv: parse(csv, { bom: false }).slice(0, 2),
    json: Object.entries(JSON.parse(json)),
    parquet: Object.entries(parquet.rows[0] ?? {}),
  }
}

function codeOf(error: unknown): unknown {
  // `Temporal` reads the bounds of sums, and throws for any other text.
  if (error instanceof RangeError && error.message.startsWith('Cannot parse')) return 'not a time'
  return error instanceof DatabaseError ? error.code : error
}

describe('a report', () => {
  test.each(builtInReportTypes)('of type $name never runs SQL from a parameter', async (type) => {
    const names = Object.keys(type.parameters).filter((name) => name !== 'columns')
    for (const name of names) {
      const codes = new Set<unknown>()
      for (const value of hostileTexts) {
        codes.add(await runUnchecked(type, { [name]: value }).then(() => null, codeOf))
      }
      // Postgres or `Temporal` rejects the texts as timestamps and timezones; elsewhere they match no row.
      const time = ['22007', 'not a time']
      const allowed = { interval_start: time, interval_end: time, timezone: ['22023'] }[name] ?? []
      expect([...codes].filter((code) => code !== null && !allowed.includes(String(code)))).toEqual([])
    }
    expect(await canaries()).toEqual([])
  })

  const guarded = (value: string): string => (/^[=+\-@＝＋－＠\t\n\r]/.test(value) ? `'${value}` : value)
  const setMetadata = (metadata: Record<string, string>) =>
    gateway.database.query("update charges set metadata = $1 where id = 'ch_1'", [JSON.stringify(metadata)])
  const isKey = (key: string) => /^[^[\]\p{Cc}]{1,100}$/u.test(key)

  test('finds metadata under any key, and writes any value', async () => {
    // Several entries per run, because each run is a round of statements.
    const entries = fc.uniqueArray(fc.tuple(anyText.filter(isKey), anyText), {
      selector: ([key]) => key,
      minLength: 1,
      maxLength: 8,
    })
    await fc.assert(
      fc.asyncProperty(entries, async (metadata) => {
        await setMetadata(Object.fromEntries(metadata))
        const stored = metadata.map(([key, value]) => [`payment_metadata[${key}]`, value])
        const columns = stored.map(([column = '']) => column)
        const values = stored.map(([, value = '']) => guarded(value))
        expect(await firstRows(columns)).toEqual({ csv: [columns, values], json: stored, parquet: stored })
      }),
      { numRuns: 40 },
    )
    expect(await canaries()).toEqual([])
  })

  test('requested over GraphQL finds metadata under hostile keys', async () => {
    const keys = hostileTexts.filter(isKey)
    expect(keys.length).toBeGreaterThan(25)
    await setMetadata(Object.fromEntries(keys.map((key, i) => [key, hostileTexts.at(-i) ?? ''])))
    const columns = keys.map((key) => `payment_metadata[${key}]`)
    const { header, rows } = await runReport(account, {
      balanceChangeFromActivityItemized3: {
        interval: { between: { start: marchStart, end: marchEnd } },
        columns,
      },
    })
    expect(header).toEqual(columns)
    expect(Object.values(rows[0] ?? {})).toEqual(keys.map((_key, i) => guarded(hostileTexts.at(-i) ?? '')))
    expect(await canaries()).toEqual([])
  })

  test('writes any description unchanged, except for an apostrophe before a formula in CSV', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(
          fc.constantFrom('', '=', '+', '-', '@', '\t', '\r', '\n', '＝', '＠', ' ', '"', "'"),
          anyText,
        ),
        async ([start, rest]) => {
          const description = start + rest
          await gateway.database.query(
            "update balance_transactions set description = $1 where id = 'txn_on_start'",
            [description],
          )
          const { csv, json, parquet } = await firstRows(['description', 'net'])
          expect(csv[1]).toEqual([guarded(description), '23.97'])
          expect([json[0], parquet[0]]).toEqual(Array(2).fill(['description', description]))
        },
      ),
      { numRuns: 60 },
    )
  })
})
