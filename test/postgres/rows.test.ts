import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLoaders } from '../../src/graphql/loaders.ts'
import { idPrefixes, newId } from '../../src/ids.ts'
import { createPool } from '../../src/postgres/client.ts'
import { Prisma, type ReportFile, type ReportRun } from '../../src/postgres/generated/prisma/client.ts'
import { createRowReader } from '../../src/postgres/rows.ts'
import {
  columnsFor,
  type ListedRun,
  type RunRow,
  readFilesOf,
  runColumns,
} from '../../src/runs/list/run-rows.ts'
import { insertRun, runRow } from '../support/insert-run.ts'
import { openRunParts, type RunParts } from '../support/run-parts.ts'

let parts: RunParts
beforeAll(async () => {
  parts = await openRunParts()
})
afterAll(() => parts[Symbol.asyncDispose]())

const text = fc.oneof(
  fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('\0') && value.isWellFormed()),
  fc.constantFrom('', '{}', 'NULL', 'a,b', '"', "'", '\\', '{"a"}', ' ', '\n', 'é', '2026-01-01 00:00:00+00'),
)
const instant = fc
  .date({ min: new Date('1970-01-01'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true })
  .map((at) => new Date(at))
const wholeSecond = instant.map((at) => new Date(Math.floor(at.getTime() / 1000) * 1000))
const bigint = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const json = fc.dictionary(text, fc.jsonValue({ noUnicodeString: false }).filter(isStorable))
const bytes = fc.uint8Array({ maxLength: 40 }).map((value) => new Uint8Array(value))
const formats = fc.subarray(['CSV', 'JSONL', 'PARQUET'] as const)
const compression = fc.constantFrom('NONE', 'GZIP', 'ZSTD')

const runFields = fc.record({
  livemode: fc.boolean(),
  reportType: text,
  parameters: json,
  formats,
  compression,
  byteOrderMark: fc.boolean(),
  requestHash: fc.option(bytes),
  label: fc.option(text),
  tags: fc.array(text, { maxLength: 4 }),
  metadata: json,
  status: fc.constantFrom('PENDING', 'RUNNING', 'CANCELING', 'SUCCEEDED', 'FAILED', 'CANCELED'),
  version: fc.integer(),
  origin: fc.constantFrom('API', 'RETRY', 'SCHEDULE'),
  createdAt: instant,
  dataNeededUntil: fc.option(wholeSecond),
  finishedAt: fc.option(instant),
  expiresAt: fc.option(instant),
  filesDeletedAt: fc.option(instant),
  deletedAt: fc.option(instant),
  percent: fc.option(fc.double({ min: -1e9, max: 1e9, noNaN: true })),
  rowCount: fc.option(bigint),
  byteSize: fc.option(bigint),
  timeoutMilliseconds: fc.option(bigint),
  failureIsRetryable: fc.option(fc.boolean()),
  failurePath: fc.array(text, { maxLength: 3 }),
})

/** False for text that a `jsonb` cannot hold. */
function isStorable(value: unknown): boolean {
  const written = JSON.stringify(value)
  return !/\\u0000|\\ud[89a-f]/i.test(written) && JSON.stringify(JSON.parse(written)) === written
}

test('rows of runs are equal to those of Prisma, whatever they contain', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(runFields, { minLength: 5, maxLength: 20 }), async (given) => {
      const data = given.map((fields) => runRow(parts.owner, fields))
      // Without lists, which are null then.
      data.push(runRow(parts.owner))
      const ids = data.map(({ id }) => id)
      await parts.prisma.reportRun.createMany({ data })
      const expected = await parts.prisma.reportRun.findMany({
        where: { id: { in: ids } },
        orderBy: { id: 'asc' },
      })
      const query = Prisma.sql`select ${runColumns} from report_runs where id = any(${ids}) order by id`
      expect(expected).toHaveLength(ids.length)
      for (const planning of ['once', 'each'] as const)
        expect(await parts.rows<ReportRun>(query, planning)).toStrictEqual(expected)
    }),
    { numRuns: 25 },
  )
})

test('the files of a run are equal to those of Prisma, in the order of their formats, however they are read', async () => {
  const loaders = createLoaders(parts.rows, parts.logger)
  const runs = [await insertRun(parts.prisma, parts.owner), await insertRun(parts.prisma, parts.owner)]
  const [first, second] = runs.map(({ id }) => id)
  for (const format of ['PARQUET', 'CSV', 'JSONL'] as const) {
    const [fields] = fc.sample(
      fc.record({ rowCount: bigint, byteSize: bigint, createdAt: instant, compression }),
      1,
    )
    const { accountId, livemode } = parts.owner
    const id = newId(idPrefixes.file, new Date())
    const file = { id, accountId, livemode, runId: first ?? '', filename: 'a "b".csv', format, sha256: '' }
    await parts.prisma.reportFile.create({
      data: {
        ...file,
        rowCount: 0n,
        byteSize: 2n ** 63n - 1n,
        createdAt: new Date(),
        compression: 'GZIP',
        ...fields,
      },
    })
    expect(await loaders.file(id)).toStrictEqual(await parts.prisma.reportFile.findUnique({ where: { id } }))
  }
  const expected = await parts.prisma.reportFile.findMany({
    where: { runId: first ?? '' },
    orderBy: { format: 'asc' },
  })
  const shown = { withFiles: true, onlyUsual: false }
  const query = Prisma.sql`select ${columnsFor(shown)} from report_runs where id = any(${[first, second]}) order by id`
  const listed = new Map((await parts.rows<RunRow>(query, 'once')).map((run) => [run.id, readFilesOf(run)]))
  const filesOf = async (run: ListedRun | undefined): Promise<ReportFile[] | undefined> =>
    run && loaders.filesOf(run)
  for (const run of runs) {
    const files = run.id === first ? expected : []
    expect(listed.get(run.id)).toStrictEqual({ ...run, files })
    expect(await filesOf(run)).toStrictEqual(files)
    expect(await filesOf(listed.get(run.id))).toStrictEqual(files)
  }
  expect(expected.map(({ format }) => format)).toEqual(['CSV', 'JSONL', 'PARQUET'])
})

test('rows of keys and schedules are equal to those of Prisma', async () => {
  const { prisma, owner } = parts
  const loaders = createLoaders(parts.rows, parts.logger)
  const { apiKeyId: id } = owner
  await prisma.apiKey.update({ where: { id }, data: { lastUsedAt: new Date(), expiresAt: new Date(0) } })
  expect(await loaders.apiKey(id)).toStrictEqual(await prisma.apiKey.findUnique({ where: { id } }))
  const schedule = await prisma.reportSchedule.create({
    data: {
      id: newId(idPrefixes.reportSchedule, new Date()),
      accountId: owner.accountId,
      livemode: owner.livemode,
      reportType: 'balance.summary.1',
      parameters: { timezone: 'UTC' },
      relativeInterval: 'PREVIOUS_MONTH',
      formats: ['CSV', 'PARQUET'],
      compression: 'ZSTD',
      retentionMilliseconds: 1n,
      isActive: true,
      createdAt: new Date(),
      requestedById: id,
    },
  })
  expect(await loaders.schedule(schedule.id)).toStrictEqual(schedule)
})

test('a prepared query survives a change of its table, and the loss of its prepared statements', async () => {
  const pool = createPool({ url: parts.database.url, max: 1, applicationName: 'rows', onError: () => {} })
  await using _pool = { [Symbol.asyncDispose]: () => pool.end() }
  await pool.query('create table changing (value integer)')
  await pool.query('insert into changing values (7)')
  const rows = createRowReader(pool)
  const read = () => rows(Prisma.sql`select value from changing`, 'once')
  expect(await read()).toEqual([{ value: 7 }])
  await pool.query('alter table changing add column other text')
  expect(await read()).toEqual([{ value: 7 }])
  await pool.query('alter table changing alter column value type bigint')
  expect(await read()).toEqual([{ value: 7n }])
  await pool.query('deallocate all')
  expect(await read()).toEqual([{ value: 7n }])
  await pool.query('drop table changing')
  await expect(read()).rejects.toMatchObject({ code: '42P01' })
})

test('a connection prepares a bounded number of statements, and only those that are planned once', async () => {
  const pool = createPool({ url: parts.database.url, max: 1, applicationName: 'rows', onError: () => {} })
  await using _pool = { [Symbol.asyncDispose]: () => pool.end() }
  const rows = createRowReader(pool)
  const prepared = async (): Promise<unknown> =>
    (await pool.query('select count(*)::int as count from pg_prepared_statements')).rows
  await rows(Prisma.sql`select 1`, 'each')
  expect(await prepared()).toEqual([{ count: 0 }])
  for (let column = 0; column < 300; column++)
    await rows(Prisma.sql`select ${Prisma.raw(`1 as c${column}`)}`, 'once')
  expect(await prepared()).toEqual([{ count: 256 }])
})
