import { createHash } from 'node:crypto'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { parse } from 'csv-parse/sync'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { columns, timezone } from '../../src/reports/parameters.ts'
import { type AnyReportType, defineReportType } from '../../src/reports/report-type.ts'
import { sql } from '../../src/reports/sql.ts'
import { startTestGateway, type TestAccount, type TestGateway } from '../support/gateway.ts'
import { readParquet } from '../support/read-parquet.ts'
import { storedFiles } from '../support/slow-report.ts'

function column(name: string, value: AnyReportType['columns'][number]['value']) {
  return {
    name,
    description: 'A value.',
    isDefault: !name.includes('['),
    value,
  }
}

/** A column for each kind of value, over a table that the tests write. */
const kinds = defineReportType({
  name: 'test.kinds.1',
  title: 'Kinds',
  description: 'A column for each kind of value.',
  parameters: { ...timezone, ...columns },
  columns: [
    column('number', { kind: 'integer', sql: sql`kinds.number` }),
    column('text', { kind: 'text', sql: sql`kinds.text` }),
    column('truth', { kind: 'boolean', sql: sql`kinds.truth` }),
    column('rate', { kind: 'decimal', sql: sql`kinds.rate` }),
    column('day', { kind: 'date', sql: sql`kinds.day` }),
    column('amount', { kind: 'amount', sql: sql`kinds.amount`, currency: sql`kinds.currency` }),
    column('at', { kind: 'instant', sql: sql`kinds.at`, zone: 'report' }),
    column('at_utc', { kind: 'instant', sql: sql`kinds.at`, zone: 'utc' }),
  ],
  requiresLiveMode: false,
  availability: async () => null,
  source: () => ({ from: sql`kinds`, orderBy: sql`kinds.number` }),
})

/** The same with a row limit, and with slow rows. */
const limited: AnyReportType = {
  ...kinds,
  name: 'test.limited.1',
  source: () => ({ from: sql`kinds`, orderBy: sql`kinds.number limit 2` }),
}
const slow: AnyReportType = {
  ...kinds,
  name: 'test.slow.2',
  columns: [
    column('number', {
      kind: 'integer',
      sql: sql`case when pg_sleep(0.02) is null then 0 else kinds.number end`,
    }),
    column('filler', { kind: 'text', sql: sql`repeat('x', 2000)` }),
  ],
}

let gateway: TestGateway
let account: TestAccount
beforeAll(async () => {
  gateway = await startTestGateway({ reportTypes: [kinds, limited, slow] })
  account = await gateway.createAccount()
  await gateway.database.query(`create table kinds (
    number bigint, text text, truth boolean, rate numeric, day date, amount numeric, currency text, at timestamptz)`)
})
beforeEach(() => gateway.database.query('truncate kinds'))
afterAll(() => gateway[Symbol.asyncDispose]())

function insert(...rows: unknown[][]) {
  return Promise.all(
    rows.map((row) =>
      gateway.database.query('insert into kinds values ($1, $2, $3, $4, $5, $6, $7, $8)', row),
    ),
  )
}

type SeenFile = {
  filename: string
  format: string
  rowCount: string
  byteSize: string
  sha256: string
  download: { url: string }
}
type SeenRun = {
  id: string
  status: string
  progress: { percent: number | null; rowsWritten: string; rowsExpected: string | null } | null
  failure: { code: string; message: string; path: string[] | null; isRetryable: boolean } | null
  result: {
    isEmpty: boolean
    isPartial: boolean
    rowCount: string
    dataAsOf: string
    files: SeenFile[]
  } | null
}

const fields = `id status progress { percent rowsWritten rowsExpected } failure { code message path isRetryable }
  result { isEmpty isPartial rowCount dataAsOf files { filename format rowCount byteSize sha256 download { url } } }`

/** The run's states from its start to its end. */
async function run(
  type: string,
  output: { formats?: string[]; compression?: string },
  parameters: Record<string, unknown> = {},
  onState: (run: SeenRun) => unknown = () => {},
): Promise<SeenRun[]> {
  const report = { byName: { name: type, parameters } }
  const { createReportRun } = await account.client.request<{
    createReportRun: { reportRun: { id: string } }
  }>('mutation ($input: CreateReportRunInput!) { createReportRun(input: $input) { reportRun { id } } }', {
    input: { report, output },
  })
  const { id } = createReportRun.reportRun
  const states: SeenRun[] = []
  const watched = account.client.subscribe<{ reportRun: SeenRun }>(
    `subscription ($id: ID!) { reportRun(id: $id) { ${fields} } }`,
    { id },
  )
  for await (const { data, errors } of watched) {
    if (!data) throw new Error(JSON.stringify(errors))
    states.push(data.reportRun)
    await onState(data.reportRun)
  }
  return states
}

function endOf(states: SeenRun[]): SeenRun {
  const last = states.at(-1)
  if (!last) throw new Error('The subscription returned nothing.')
  return last
}

/** Downloads a file, and checks its size and checksum. */
async function download({ download: { url }, byteSize, sha256 }: SeenFile) {
  const response = await fetch(url)
  const bytes = Buffer.from(await response.arrayBuffer())
  expect({ byteSize, sha256 }).toEqual({
    byteSize: String(bytes.length),
    sha256: createHash('sha256').update(bytes).digest('hex'),
  })
  return { bytes, type: response.headers.get('content-type') }
}

const all = ['PARQUET', 'CSV', 'JSONL', 'CSV']
function linesOf(bytes: Buffer): string[] {
  return bytes.toString().split('\n').slice(0, -1)
}

/** Runs a report in all formats, and parses its files with other libraries than those that wrote them. */
async function runAll(type: string, parameters: Record<string, string> = {}) {
  const { result, failure } = endOf(await run(type, { formats: all }, parameters))
  if (!result) throw new Error(JSON.stringify(failure))
  expect(result.files.map(({ format }) => format)).toEqual(['CSV', 'JSONL', 'PARQUET'])
  const [csv, jsonl, parquet] = await Promise.all(
    result.files.map(async (file) => (await download(file)).bytes),
  )
  if (!csv || !jsonl || !parquet) throw new Error('A file is missing.')
  return { result, csv: parse(csv), jsonl: linesOf(jsonl), parquet: readParquet(parquet) }
}

describe('values', () => {
  test('have their types in every format', async () => {
    await insert(
      [1, '=1+1', true, '0.123456789012345678', '2026-03-29', 1234, 'usd', '2026-03-29T00:59:59Z'],
      [2, '', false, '-5', '1899-12-31', '-99999999999999999', 'kwd', '2026-03-29T01:00:00.25Z'],
      [3, null, null, null, null, null, null, null],
      // Dublin was 25 minutes and 21 seconds behind UTC; the last currency has no decimals.
      ['9007199254740993', '"', null, '1e10', '2026-02-01', 500, 'jpy', '1900-01-01T00:00:00Z'],
    )
    const { csv, jsonl, parquet } = await runAll(kinds.name, { timezone: 'Europe/Dublin' })
    expect(csv.slice(1)).toEqual([
      [
        '1',
        "'=1+1",
        'true',
        '0.123456789012345678',
        '2026-03-29',
        '12.34',
        '2026-03-29 00:59:59',
        '2026-03-29 00:59:59',
      ],
      [
        '2',
        '',
        'false',
        '-5',
        '1899-12-31',
        '-99999999999999.999',
        '2026-03-29 02:00:00',
        '2026-03-29 01:00:00',
      ],
      ['3', '', '', '', '', '', '', ''],
      [
        '9007199254740993',
        '"',
        '',
        '10000000000',
        '2026-02-01',
        '500',
        '1899-12-31 23:34:39',
        '1900-01-01 00:00:00',
      ],
    ])
    expect(jsonl).toEqual([
      '{"number":1,"text":"=1+1","truth":true,"rate":"0.123456789012345678","day":"2026-03-29","amount":"12.34","at":"2026-03-29T00:59:59+00:00","at_utc":"2026-03-29T00:59:59Z"}',
      '{"number":2,"text":"","truth":false,"rate":"-5","day":"1899-12-31","amount":"-99999999999999.999","at":"2026-03-29T02:00:00.25+01:00","at_utc":"2026-03-29T01:00:00.25Z"}',
      '{"number":3,"text":null,"truth":null,"rate":null,"day":null,"amount":null,"at":null,"at_utc":null}',
      '{"number":9007199254740993,"text":"\\"","truth":null,"rate":"10000000000","day":"2026-02-01","amount":"500","at":"1899-12-31T23:35:00-00:25","at_utc":"1900-01-01T00:00:00Z"}',
    ])
    expect(parquet.types).toEqual({
      number: 'Int64',
      text: 'Utf8',
      truth: 'Bool',
      rate: 'Decimal[38e+18]',
      day: 'Date32<DAY>',
      amount: 'Decimal[18e+3]',
      at: 'Timestamp<MICROSECOND, UTC>',
      at_utc: 'Timestamp<MICROSECOND, UTC>',
    })
    const none = { text: null, truth: null, rate: null, day: null, amount: null, at: null, at_utc: null }
    const instant = (text: string) => ({ at: text, at_utc: text })
    expect(parquet.rows).toEqual([
      {
        number: 1n,
        text: '=1+1',
        truth: true,
        rate: '0.123456789012345678',
        day: '2026-03-29',
        amount: '12.340',
        ...instant('2026-03-29T00:59:59.000Z'),
      },
      {
        number: 2n,
        text: '',
        truth: false,
        rate: '-5.000000000000000000',
        day: '1899-12-31',
        amount: '-99999999999999.999',
        ...instant('2026-03-29T01:00:00.250Z'),
      },
      { ...none, number: 3n },
      {
        ...none,
        number: 9007199254740993n,
        text: '"',
        rate: '10000000000.000000000000000000',
        day: '2026-02-01',
        amount: '500.000',
        ...instant('1900-01-01T00:00:00.000Z'),
      },
    ])
  })

  test.each(['Etc/UTC', 'Europe/Berlin'])(
    'that are infinite are the word infinity in CSV and JSONL (%s)',
    async (zone) => {
      await gateway.database.query("insert into kinds (day, at) values ('infinity', '-infinity')")
      const { result } = endOf(await run(kinds.name, { formats: ['CSV', 'JSONL'] }, { timezone: zone }))
      const [csv = '', jsonl = ''] = await Promise.all(
        (result?.files ?? []).map(async (file) => (await download(file)).bytes.toString()),
      )
      const values = { day: 'infinity', at: '-infinity', at_utc: '-infinity' }
      expect(parse(csv, { columns: true })).toEqual([expect.objectContaining(values)])
      expect(JSON.parse(jsonl)).toMatchObject(values)
    },
  )

  test('of a column that the report no longer has keep their position', async () => {
    await gateway.database.query("insert into kinds (number, text) values (1, 'x')")
    const { id } = endOf(await run(kinds.name, {}, { columns: ['text', 'number'] }))
    const parameters = { timezone: 'Etc/UTC', columns: ['old', 'number'] }
    await gateway.prisma.reportRun.update({ where: { id }, data: { parameters } })
    const answer = await account.client.request(
      'query ($id: ID!) { reportRun(id: $id) { result { columns { name type description } rows { rows } } } }',
      { id },
    )
    expect(answer).toEqual({
      reportRun: {
        result: {
          columns: [
            { name: 'old', type: 'STRING', description: null },
            { name: 'number', type: 'INTEGER', description: 'A value.' },
          ],
          rows: { rows: [['x', '1']] },
        },
      },
    })
  })

  test('that Parquet cannot represent fail the run, and leave no file', async () => {
    await gateway.database.query('insert into kinds (number, rate) values (1, 1.1234567890123456789)')
    const before = await storedFiles(gateway.dataDir)
    const end = endOf(await run(kinds.name, { formats: ['CSV', 'PARQUET'] }))
    expect(end).toMatchObject({
      status: 'FAILED',
      result: null,
      failure: { code: 'INVALID_PARAMETERS', path: ['output', 'formats'], isRetryable: false },
    })
    expect(end.failure?.message).toMatch(
      /^The column "rate" holds 1\.1234567890123456789, .* Choose CSV or JSONL/,
    )
    // The CSV file was complete by then.
    await expect.poll(() => storedFiles(gateway.dataDir)).toEqual(before)
  })
})

describe('files', () => {
  test.each([
    ['NONE', ['.csv', '.jsonl', '.parquet'], ['text/csv; charset=utf-8', 'application/jsonl; charset=utf-8']],
    ['GZIP', ['.csv.gz', '.jsonl.gz', '.parquet'], ['application/gzip', 'application/gzip']],
    ['ZSTD', ['.csv.zst', '.jsonl.zst', '.parquet'], ['application/zstd', 'application/zstd']],
  ])(
    'hold the same rows under %s, even when they exceed a row group',
    async (compression, endings, types) => {
      // Long enough to be split into packets at any position.
      await gateway.database.query(
        "insert into kinds (number, text) select n, repeat(n || 'ü🧾', 3) from generate_series(1, 10001) n",
      )
      const { id, result } = endOf(await run(kinds.name, { formats: all, compression }))
      const files = result?.files ?? []
      expect(files.map(({ filename, rowCount }) => [filename, rowCount])).toEqual(
        endings.map((ending) => [`${id}${ending}`, '10001']),
      )
      const row = await gateway.prisma.reportRun.findUniqueOrThrow({ where: { id } })
      expect(row.byteSize).toBe(files.reduce((sum, { byteSize }) => sum + BigInt(byteSize), 0n))
      const downloaded = await Promise.all(files.map(download))
      expect(downloaded.map(({ type }) => type)).toEqual([...types, 'application/vnd.apache.parquet'])
      const unpack = { NONE: (bytes: Buffer) => bytes, GZIP: gunzipSync, ZSTD: zstdDecompressSync }[
        compression
      ]
      const [csv, jsonl, parquet] = downloaded.map(({ bytes }) => bytes)
      if (!unpack || !csv || !jsonl || !parquet) throw new Error('A file is missing.')
      const expected = Array.from({ length: 10_001 }, (_, i) => `${i + 1}ü🧾`.repeat(3))
      expect(
        parse(unpack(csv), { columns: true })
          .map(Object)
          .map(({ text }) => text),
      ).toEqual(expected)
      expect(linesOf(unpack(jsonl)).map((line) => JSON.parse(line).text)).toEqual(expected)
      expect(readParquet(parquet).rows.map(({ text }) => text)).toEqual(expected)
    },
  )

  test('of a report without rows can be read, and have its columns', async () => {
    const { result, csv, jsonl, parquet } = await runAll(kinds.name)
    expect(result).toMatchObject({ isEmpty: true, isPartial: false, rowCount: '0' })
    expect(csv).toHaveLength(1)
    expect(jsonl).toEqual([])
    expect([parquet.rows, Object.keys(parquet.types)]).toEqual([[], csv[0]])
  })

  test('are partial when there were more rows than the limit of the report', async () => {
    await insert(...[1, 2, 3].map((n) => [n, null, null, null, null, null, null, null]))
    expect((await runAll(limited.name)).result).toMatchObject({ isPartial: true, rowCount: '2' })
    expect((await runAll(kinds.name)).result).toMatchObject({ isPartial: false, rowCount: '3' })
  })

  test('come from one snapshot, and their common progress never falls', async () => {
    const rows = 60
    await gateway.database.query(`insert into kinds (number) select generate_series(1, ${rows})`)
    let isChanged = false
    const states = await run(
      slow.name,
      { formats: ['CSV', 'JSONL', 'PARQUET'] },
      {},
      async ({ progress }) => {
        if (isChanged || !progress || progress.rowsWritten === '0') return
        isChanged = true
        await gateway.database.query('delete from kinds where number % 2 = 0')
      },
    )
    expect(isChanged).toBe(true)
    const files = endOf(states).result?.files ?? []
    expect(files.map(({ rowCount }) => rowCount)).toEqual(['60', '60', '60'])
    const written = states.flatMap(({ progress }) => (progress ? [Number(progress.rowsWritten)] : []))
    expect(written).toEqual(written.toSorted((a, b) => a - b))
    expect(written.at(-1)).toBe(rows)
    // After the first of three files, a third is done.
    const middle = states.filter(({ progress }) => progress?.percent && progress.percent < 100)
    expect(middle.length).toBeGreaterThan(3)
    for (const { progress } of middle) {
      const share = (100 * Number(progress?.rowsWritten)) / rows
      expect(Math.abs((progress?.percent ?? 0) - share)).toBeLessThan(0.1)
    }
  })
})
